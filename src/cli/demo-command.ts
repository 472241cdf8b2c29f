import { type Command, InvalidArgumentError } from "commander";
import { selfCommand } from "../runtime/process.ts";
import { runDemo } from "./demo.ts";

interface DemoFlags {
  once?: boolean;
  json?: boolean;
  port?: number;
}

export function addDemo(program: Command, setExitCode: (code: number) => void): void {
  program
    .command("demo")
    .description("A small network on this machine: three nodes, real data, replication, proof")
    .argument("[file]", "records to import, NDJSON or CSV; default: the git history of this folder")
    .option("--once", "end after the summary")
    .option("--json", "one JSON object and nothing else on stdout")
    .option("--port <port>", "HTTP port of the first node; default: free ones", readPort)
    .addHelpText("after", "\nExample:\n  sorcha-peer demo --once --json")
    .action(async (file: string | undefined, flags: DemoFlags) => {
      const code = await runDemo({
        once: flags.once ?? false,
        json: flags.json ?? false,
        ...(file === undefined ? {} : { file }),
        ...(flags.port === undefined ? {} : { port: flags.port }),
        selfCommand: selfCommand(),
      });
      setExitCode(code);
    });
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_533) return port;
  throw new InvalidArgumentError("It must be a port number from 1 to 65533.");
}
