import type { Command } from "commander";
import type { NodeOptions } from "../node.ts";
import { logFor } from "../runtime/log.ts";
import { onStop, type StopSignal } from "../runtime/process.ts";
import { effectiveSettings, withSettings } from "./node-settings.ts";

export function addServe(program: Command, options: NodeOptions): void {
  withSettings(program.command("serve"))
    .description("Run a node until it is told to stop")
    .addHelpText(
      "after",
      "\nExample:\n  sorcha-peer serve --data-dir ./.data --http-port 8080 --seed 10.0.0.5:5001",
    )
    .action((flags: Record<string, unknown>) => serve(flags, options));
}

/** Until SIGTERM or SIGINT: then what runs is finished, and the process ends by itself. */
async function serve(flags: Record<string, unknown>, options: NodeOptions): Promise<void> {
  const { config } = await effectiveSettings(flags);
  const log = logFor("serve");
  const stopping = Promise.withResolvers<StopSignal>();
  const forget = onStop(stopping.resolve);
  try {
    // Only here: the other commands need not wait until all that a node is made of is loaded.
    const node = await import("../node.ts");
    const running = await node.open(config, options);
    const { nodeId, httpUrl, grpcAddress } = running;
    log.info({ nodeId, httpUrl, grpcAddress }, "Node is up");
    const signal = await stopping.promise;
    log.info({ signal }, "Stopping");
    await running.close();
  } finally {
    forget();
  }
}
