import type { Command } from "commander";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { exitCodes } from "./exit.ts";
import { printOne } from "./print.ts";

/** For people, and for container engines, which can't speak HTTP to an image without a shell. */
export function addHealth(program: Command, setExitCode: (code: number) => void): void {
  withConnection(program.command("health").description("Whether a node is of use"))
    .addHelpText(
      "after",
      "\nEnds with 0 if database and listeners are there, and with 1 if not: it says why then." +
        "\n\nExample:\n  sorcha-peer health --url http://127.0.0.1:8080",
    )
    .action(async (options: ConnectOptions) => {
      const client = await connect(options);
      const { status, checks, reason, warnings } = await client.call("ready");
      printOne({ status, ...checks, reason: reason?.message ?? null, warnings }, options);
      if (status !== "ready") setExitCode(exitCodes.general);
    });
}
