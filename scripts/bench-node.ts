/**
 * Nodes for benchmarks: processes of this checkout, and what one asks of them. Owns the children
 * and their folder; `end` takes both away.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BenchNode {
  child: Bun.Subprocess;
  dataDir: string;
  httpUrl: string;
  grpcAddress: string;
  token: string;
  /** From the start of its process until it serves. */
  startMs: number;
}

const main = new URL("../src/main.ts", import.meta.url).pathname;
const lag = new URL("./bench-lag.ts", import.meta.url).pathname;
export const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-bench-"));
const children = new Set<Bun.Subprocess>();

/**
 * Started, ready, and with a service token. Transaction signatures are not checked: W2 is without.
 */
export async function startNode(
  name: string,
  options: {
    environment?: Record<string, string>;
    seed?: BenchNode;
    lagFile?: string;
    /** A file that is loaded before the program. */
    preload?: string;
  } = {},
): Promise<BenchNode> {
  const dataDir = join(folder, name);
  const seeds = options.seed === undefined ? [] : ["--seed", options.seed.grpcAddress];
  const ports = ["--http-port", "0", "--grpc-port", "0"];
  // One that was killed has left its own there, which must not be taken for this one's.
  rmSync(join(dataDir, "run.json"), { force: true });
  const runFile = Bun.file(join(dataDir, "run.json"));
  const startedAtMs = performance.now();
  const loaded = [options.preload, options.lagFile === undefined ? undefined : lag];
  const preload = loaded.flatMap((file) => (file === undefined ? [] : ["--preload", file]));
  const child = Bun.spawn(
    [
      process.execPath,
      "--no-orphans",
      ...preload,
      main,
      "serve",
      "--data-dir",
      dataDir,
      ...ports,
      ...seeds,
    ],
    {
      env: {
        ...process.env,
        PEER_VERIFY_TRANSACTIONS: "none",
        PEER_LOG_LEVEL: "error",
        ...(options.lagFile === undefined ? {} : { BENCH_LAG_FILE: options.lagFile }),
        ...options.environment,
      },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  children.add(child);
  await until(() => runFile.exists());
  const startMs = performance.now() - startedAtMs;
  const run = JSON.parse(readFileSync(join(dataDir, "run.json"), "utf8"));
  const token = Bun.spawnSync([
    process.execPath,
    main,
    "token",
    "--data-dir",
    dataDir,
    "--service",
  ]);
  const printed = token.stdout.toString().trim().split("\n").at(-1);
  return { child, dataDir, ...run, token: printed, startMs };
}

/** Its data are taken away, unless they shall be started from again. */
export async function stopNode(node: BenchNode, options: { keep?: boolean } = {}): Promise<void> {
  node.child.kill("SIGTERM");
  await node.child.exited;
  children.delete(node.child);
  if (!options.keep) rmSync(node.dataDir, { recursive: true, force: true });
}

export async function get<T>(node: BenchNode, path: string): Promise<T> {
  const answer = await fetch(`${node.httpUrl}${path}`);
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A string goes as lines of records, an object as JSON. */
export async function post<T>(
  node: BenchNode,
  request: { path: string; body: string | object },
): Promise<T> {
  const { path, body } = request;
  const isText = typeof body === "string";
  const answer = await fetch(`${node.httpUrl}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${node.token}`,
      "content-type": isText ? "application/x-ndjson" : "application/json",
    },
    body: isText ? body : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A new register of so many records; its id. */
export async function importRecords(
  source: BenchNode,
  options: { records: number; recordBytes: number },
): Promise<string> {
  const { records, recordBytes } = options;
  const path = "/api/registers";
  const made = await post<{ registerId: string }>(source, { path, body: { name: "bench" } });
  const filler = "0123456789abcdef".repeat(recordBytes / 16);
  const batch = 2_000;
  for (let first = 1; first <= records; first += batch) {
    const lines = Array.from({ length: Math.min(batch, records - first + 1) }, (_, index) => {
      const head = `{"n":${first + index},"text":"`;
      return `${head}${filler.slice(0, recordBytes - head.length - 2)}"}\n`;
    });
    const path = `/api/registers/${made.registerId}/records?importId=bench&firstLine=${first}`;
    await post(source, { path, body: lines.join("") });
  }
  return made.registerId;
}

/** Until it has heard that somebody holds the register. */
export async function hears(node: BenchNode, registerId: string): Promise<void> {
  await until(async () => {
    const known = await get<{ registerId: string }[]>(node, "/api/registers/available");
    return known.some((one) => one.registerId === registerId);
  });
}

/** To all of it, once the node has heard of it. */
export async function subscribeTo(node: BenchNode, registerId: string): Promise<void> {
  await hears(node, registerId);
  const path = `/api/registers/${registerId}/subscribe`;
  await post(node, { path, body: { mode: "full-replica" } });
}

/** Whether all that it subscribed to is here. */
export async function isWhole(node: BenchNode): Promise<boolean> {
  const all = await get<{ syncState: string }[]>(node, "/api/registers/subscriptions");
  return all.every((one) => one.syncState === "FullyReplicated");
}

/** How long a node's event loop was held up at most since then, ms: in all, and by its own work. */
export function lagSince(lagFile: string, unixMs: number): { ms: number; ownMs: number } {
  const lines = readFileSync(lagFile, "utf8").trim().split("\n");
  const measured = lines.map((line) => line.split(" ").map(Number));
  const since = measured.filter(([at = 0]) => at > unixMs + 100);
  return {
    ms: Math.max(0, ...since.map(([, ms = 0]) => ms)),
    ownMs: Math.max(0, ...since.map(([, , ownMs = 0]) => ownMs)),
  };
}

/** Asked too often, a node on two cores would spend a twentieth of its time on the answers. */
export async function until(isSo: () => Promise<boolean>, patienceMs = 120_000): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await Bun.sleep(25)) {
    if (await isSo()) return;
  }
  throw new Error(`It did not happen within ${patienceMs / 1_000} seconds`);
}

export function end(): void {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
