import type { Command } from "commander";
import { messageOf } from "../base/error.ts";
import type { NodeOptions, RunningNode } from "../node.ts";
import { type Effective, unknownVariables, viewSettings } from "../runtime/config.ts";
import { logFor } from "../runtime/log.ts";
import { watchGrowth } from "../runtime/memory.ts";
import { onReload, onStop, type StopSignal } from "../runtime/process.ts";
import { environment } from "../runtime/terminal.ts";
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
  let effective = await effectiveSettings(flags);
  const log = logFor("serve");
  const stopping = Promise.withResolvers<StopSignal>();
  const forget = onStop(stopping.resolve);
  const endWatch = watchGrowth();
  try {
    // Only here: the other commands need not wait until all that a node is made of is loaded.
    const node = await import("../node.ts");
    const running = await node.open(effective.config, {
      ...options,
      listSettings: () => viewSettings(effective),
    });
    const { httpUrl, grpcAddress } = running;
    log.info({ httpUrl, grpcAddress }, "Node is up");
    const unknown = unknownVariables(environment());
    if (unknown.length > 0) log.warn({ variables: unknown }, "Variables that are no settings");
    const forgetReload = onReload(async () => {
      effective = (await reload(running, flags)) ?? effective;
    });
    const signal = await stopping.promise;
    forgetReload();
    log.info({ signal }, "Stopping");
    await running.close();
  } finally {
    await endWatch();
    forget();
  }
}

/** Settings that are not usable change nothing: the node goes on with those that it has. */
async function reload(
  running: RunningNode,
  flags: Record<string, unknown>,
): Promise<Effective | null> {
  const log = logFor("serve");
  try {
    const effective = await effectiveSettings(flags);
    await running.reload(effective.config);
    log.info({ logLevel: effective.config.logLevel }, "Settings were read again");
    return effective;
  } catch (thrown) {
    log.error({ reason: messageOf(thrown) }, "Settings were not read again");
    return null;
  }
}
