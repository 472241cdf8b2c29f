/**
 * Loaded into a benchmarked node before it starts (`--preload`): writes how long its event loop was
 * held up, a line `unix-ms longest-ms` every tenth of a second, to the file that BENCH_LAG_FILE
 * names.
 */
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.env.BENCH_LAG_FILE;
if (file !== undefined) {
  const monitor = monitorEventLoopDelay({ resolution: 5 });
  monitor.enable();
  setInterval(() => {
    appendFileSync(file, `${Date.now()} ${monitor.max / 1e6}\n`);
    monitor.reset();
  }, 100).unref();
}
