import { version } from "../runtime/version.ts";
import { type LoopDelays, loopDelays, memoryUse, readCpuSeconds } from "../runtime/vitals.ts";
import { observe } from "./meter.ts";

/** What is told of the process itself. */
export function observeProcess(): void {
  observe("peer.build.info", { description: "1, with the version as a label" }, (tell) =>
    tell(1, { version }),
  );
  observe("peer.memory", { description: "Memory of the process by kind", unit: "By" }, (tell) => {
    for (const [kind, bytes] of Object.entries(memoryUse())) tell(bytes, { kind });
  });
  const description = "Processor time used, in seconds";
  observe("peer.cpu.time", { description, unit: "s", isCounter: true }, (tell) =>
    tell(readCpuSeconds()),
  );
  const about = "How late the main thread's timers ran over the last minute, in seconds";
  observe("peer.event_loop.delay", { description: about, unit: "s" }, (tell) => {
    const delays: LoopDelays = loopDelays();
    tell(delays.meanMs / 1_000, { stat: "mean" });
    tell(delays.p99Ms / 1_000, { stat: "p99" });
    tell(delays.maxMs / 1_000, { stat: "max" });
  });
}
