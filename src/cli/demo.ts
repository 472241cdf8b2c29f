import { mkdtempSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { present } from "../base/assert.ts";
import { abortOf } from "../base/signal.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop, workingFolder } from "../runtime/process.ts";
import { DemoNode, lastLine, until } from "./demo-node.ts";
import { type DemoRecords, gatherRecords } from "./demo-records.ts";
import { type DemoLive, type DemoReplica, type DemoResult, printDemo } from "./demo-result.ts";
import { exitCodes } from "./exit.ts";
import { writeLine, writeNote } from "./print.ts";

export interface DemoOptions {
  /** Records to import, NDJSON or CSV; without it, the git history of the working folder. */
  file?: string;
  /** End after the summary instead of staying up. */
  once: boolean;
  /** One JSON object and nothing else on stdout. */
  json: boolean;
  /** HTTP port of the first node, the others take the next ones; without it, free ones. */
  port?: number;
  /** What starts this program: `[binary]` or `[bun, "src/main.ts"]`. */
  selfCommand: readonly string[];
}

const liveRecordCount = 25;

/**
 * Three nodes on this machine, each a process with a database of its own. `a` makes a register of
 * real records; `b` was told of `a` only, and `c` of `b` only; both find the register, bring it
 * here, verify it and follow it live. Resolves to the exit code: 0 only if every replica equals the
 * origin, byte for byte and hash for hash; 130 when it was stopped before that was known.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-demo-"));
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  const demo = new Demo(options, { folder, signal: stopping.signal });
  try {
    const result = await demo.play();
    if (options.json) writeLine(JSON.stringify(result, rounded));
    else printDemo(result);
    if (!options.once) {
      if (!options.json) demo.printDashboards();
      writeNote("The nodes stay up until Ctrl-C");
      await abortOf(stopping.signal).promise.catch(() => undefined);
    }
    return result.verified && result.replicas.every((replica) => replica.equal) ? 0 : 1;
  } catch (error) {
    if (stopping.signal.aborted) return exitCodes.interrupted;
    writeNote(`What the nodes logged: ${await keepLogs(folder)}`);
    throw error;
  } finally {
    stopping.abort();
    await demo.stop();
    forget();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The logs outlive the demo where something went wrong. Gives their folder. */
async function keepLogs(folder: string): Promise<string> {
  const kept = `${folder}-logs`;
  await cp(folder, kept, {
    recursive: true,
    filter: (path) => path === folder || /\.log$/.test(path),
  });
  return kept;
}

class Demo {
  readonly #nodes: DemoNode[] = [];
  readonly #folder: string;
  readonly #signal: AbortSignal;

  constructor(
    private readonly options: DemoOptions,
    surroundings: { folder: string; signal: AbortSignal },
  ) {
    this.#folder = surroundings.folder;
    this.#signal = surroundings.signal;
  }

  async play(): Promise<DemoResult> {
    const startedMs = systemClock.monotonicMs();
    writeNote("Starting three nodes, each with an embedded database of its own …");
    const [records, a] = await Promise.all([this.#records(), this.#start("a", [])]);
    const starting = this.#startFollowers(a);
    starting.catch(() => undefined);
    writeNote(`a: importing ${records.what} …`);
    const importing = seconds();
    const imported = await this.#import(a, records);
    const importSeconds = importing();
    const followers = await starting;
    const { registerId } = imported;
    const replicated = await Promise.all(
      followers.map((node) => this.#replicate(node, { a, registerId })),
    );
    writeNote(`Appending ${liveRecordCount} live records at a …`);
    const live = await this.#live(a, { followers, registerId });
    writeNote("Verifying and comparing every copy, genesis to head …");
    const origin = present(await a.register(registerId), "the origin's register");
    const originHash = await a.exportHash(registerId);
    const replicas: DemoReplica[] = [];
    for (const [index, node] of followers.entries()) {
      const copy = present(await node.register(registerId), `${node.name}'s copy`);
      await node.run(["verify", registerId]);
      const exportSha256 = await node.exportHash(registerId);
      replicas.push({
        nodeId: node.name,
        equal: copy.headDocketHash === origin.headDocketHash && exportSha256 === originHash,
        sourcePeerId: copy.subscription?.sourcePeerId ?? null,
        headNumber: copy.headDocketNumber,
        headHash: copy.headDocketHash,
        exportSha256,
        verification: copy.verification,
        ...present(replicated[index], "its time"),
      });
    }
    return {
      nodes: this.#nodes.length,
      registerId,
      genesisHash: origin.genesisHash,
      source: records.what,
      dockets: origin.height,
      transactions: origin.transactionCount,
      verified: replicas.every((replica) => replica.verification === "sealed"),
      seconds: (systemClock.monotonicMs() - startedMs) / 1000,
      importSeconds,
      importTransactionsPerSecond: imported.transactions / importSeconds,
      replicas,
      live,
      urls: Object.fromEntries(this.#nodes.map((node) => [node.name, node.httpUrl])),
    };
  }

  printDashboards(): void {
    writeLine("\nDashboards, signed in for eight hours:");
    for (const node of this.#nodes) writeLine(`  ${node.name}  ${node.dashboardUrl}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  async #records(): Promise<DemoRecords> {
    const { file } = this.options;
    if (file === undefined) return gatherRecords(this.#folder);
    return { path: resolve(workingFolder(), file), what: file };
  }

  async #start(name: string, seeds: readonly string[]): Promise<DemoNode> {
    this.#signal.throwIfAborted();
    const { port, selfCommand } = this.options;
    const httpPort = port === undefined ? 0 : port + this.#nodes.length;
    const options = {
      command: selfCommand,
      folder: this.#folder,
      name,
      httpPort,
      seeds,
      signal: this.#signal,
    };
    const node = new DemoNode(options);
    this.#nodes.push(node);
    await node.ready();
    return node;
  }

  async #startFollowers(a: DemoNode): Promise<DemoNode[]> {
    const b = await this.#start("b", [a.grpcAddress]);
    const c = await this.#start("c", [b.grpcAddress]);
    return [b, c];
  }

  async #import(
    node: DemoNode,
    records: DemoRecords,
  ): Promise<{ registerId: string; transactions: number }> {
    const words = ["import", records.path, "--name", "demo", "--output", "json"];
    return JSON.parse(lastLine(await node.run(words)));
  }

  /** Until the node holds what the origin holds now. */
  async #replicate(
    node: DemoNode,
    from: { a: DemoNode; registerId: string },
  ): Promise<{ seconds: number; transactionsPerSecond: number }> {
    const { registerId } = from;
    await until(() => node.hasHeardOf(registerId), {
      signal: this.#signal,
      what: `${node.name} to hear of the register`,
    });
    writeNote(`${node.name}: heard of the register, replicating …`);
    const origin = present(await from.a.register(registerId), "the origin's register");
    const took = seconds();
    await node.subscribe(registerId);
    await until(() => holds(node, { registerId, number: origin.headDocketNumber }), {
      signal: this.#signal,
      what: `${node.name} to hold the register`,
    });
    return { seconds: took(), transactionsPerSecond: origin.transactionCount / took() };
  }

  async #live(
    a: DemoNode,
    to: { followers: readonly DemoNode[]; registerId: string },
  ): Promise<DemoLive> {
    const { followers, registerId } = to;
    const times = new Map(followers.map((node): [string, number[]] => [node.name, []]));
    for (let number = 1; number <= liveRecordCount; number += 1) {
      const headNumber = await a.submit(registerId, { json: `{"live":${number}}`, number });
      const took = seconds();
      const stored = followers.map(async (node) => {
        await until(() => holds(node, { registerId, number: headNumber }), {
          signal: this.#signal,
          what: `${node.name} to hold live record ${number}`,
        });
        times.get(node.name)?.push(took() * 1000);
      });
      await Promise.all(stored);
    }
    const storedMs = [...times].map(([name, ms]) => [name, summary(ms)] as const);
    return { records: liveRecordCount, storedMs: Object.fromEntries(storedMs) };
  }
}

async function holds(
  node: DemoNode,
  docket: { registerId: string; number: number },
): Promise<boolean> {
  const register = await node.register(docket.registerId);
  return register !== null && register.headDocketNumber >= docket.number;
}

/** For `JSON.stringify`: three decimals of a measured number are plenty. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
}

/** A stopwatch: seconds since this call. */
function seconds(): () => number {
  const startMs = systemClock.monotonicMs();
  return () => (systemClock.monotonicMs() - startMs) / 1000;
}

function summary(ms: number[]): { median: number; longest: number } {
  const sorted = ms.toSorted((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { median, longest: sorted.at(-1) ?? 0 };
}
