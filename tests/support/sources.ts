import { afterAll } from "bun:test";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { SourceOptions } from "./faulty-source.ts";

const script = new URL("./faulty-source.ts", import.meta.url).pathname;

export interface Call {
  call: string;
  next: number;
  last: number;
}

/** A source in its own process, honest or not. Ended with the test file that started it. */
export interface TestSource {
  nodeId: string;
  grpcAddress: string;
  /** What it was asked so far. */
  calls: Call[];
  /** Lets its chain grow by as many dockets. */
  seal(dockets: number): void;
  /** Makes itself known to a node. */
  dial(grpcAddress: string): void;
  kill(): Promise<void>;
  /** Stops the process without ending it, as a machine that hangs. */
  freeze(): void;
}

export async function startSource(options: SourceOptions): Promise<TestSource> {
  const child = Bun.spawn([process.execPath, "--no-orphans", script, JSON.stringify(options)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  started.add(child);
  const calls: Call[] = [];
  const address = Promise.withResolvers<string>();
  const output = Readable.fromWeb(child.stdout as never);
  createInterface({ input: output }).on("line", (line) => {
    const said = JSON.parse(line) as { address?: string } & Call;
    if (said.address === undefined) calls.push(said);
    else address.resolve(said.address);
  });
  child.exited.then((code) => address.reject(new Error(`The source ended with ${code}`)));
  const write = (line: string) => {
    child.stdin.write(`${line}\n`);
    child.stdin.flush();
  };
  return {
    nodeId: options.nodeId,
    grpcAddress: await address.promise,
    calls,
    seal: (dockets) => write(`seal ${dockets}`),
    dial: (grpcAddress) => write(`dial ${grpcAddress}`),
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
      started.delete(child);
    },
    freeze: () => child.kill("SIGSTOP"),
  };
}

const started = new Set<Bun.Subprocess>();

afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await Promise.all([...started].map((child) => child.exited));
  started.clear();
});
