/**
 * P6: how long after it was sealed a docket is verified and stored one, two and three hops away.
 * The origin is given a steady stream of records; each further node pulls from the one before it
 * and has the others banned. Every node notes in its own process when each docket was stored.
 * Beside it, in the same run and on the idle node, what no way can undercut: an empty gRPC round
 * trip, and one small commit in the same kind of database. With `--seconds 600` the memory of the
 * nodes after each third says whether anything grows (P7).
 *
 *   bun run bench live [--rate 1000] [--seconds 20] [--hops 3] [--store postgres|embedded] [--json]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as store from "../src/store/sql.ts";
import { openChannel } from "../src/wire/client.ts";
import { health } from "../src/wire/services.ts";
import { dropSchemas, environmentIn } from "./bench-data.ts";
import { type Quantiles, quantilesOf } from "./bench-figures.ts";
import { memoryOf, processorMs } from "./bench-memory.ts";
import {
  type BenchNode,
  end,
  folder,
  isWhole,
  post,
  startNode,
  stopNode,
  subscribeTo,
  until,
} from "./bench-node.ts";
import { findTestDatabase } from "./test-database.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
    hops: { type: "string", default: "3" },
    store: { type: "string", default: "postgres" },
    json: { type: "boolean", default: false },
  },
});
const perDocket = 10;
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const hops = Number(values.hops);
const target = { p50: 5, p99: 25 };
/** Before that the nodes' code is not compiled to the full. */
const warmUpDockets = 300;

const database = await findTestDatabase(process.env.TEST_DATABASE_URL);
const url = values.store === "postgres" ? database.url : null;
if (values.store === "postgres" && url === null) throw new Error("There is no PostgreSQL here");
try {
  await bench();
} finally {
  end();
  await dropSchemas(url);
  database.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  const nodes: BenchNode[] = [];
  for (let hop = 0; hop <= hops; hop += 1) {
    const environment = { ...environmentIn(url, `live_${hop}`), PEER_SEAL_COUNT: `${perDocket}` };
    const seed = nodes.at(-1);
    nodes.push(
      await startNode(`hop-${hop}`, {
        environment: { ...environment, PEER_NODE_ID: `hop-${hop}`, BENCH_FEED_FILE: fileOf(hop) },
        preload: new URL("./bench-feed.ts", import.meta.url).pathname,
        ...(seed === undefined ? {} : { seed }),
      }),
    );
  }
  const [origin] = nodes as [BenchNode];
  const ceiling = { call: await emptyCalls(origin), commit: await smallCommits() };
  const made = await post<{ registerId: string }>(origin, {
    path: "/api/registers",
    body: { name: "live" },
  });
  for (const [hop, node] of nodes.entries()) {
    if (hop === 0) continue;
    for (let before = 0; before < hop - 1; before += 1) {
      const request = { path: `/api/peers/hop-${before}/ban`, body: { reason: "one hop further" } };
      // It can be banned once this node has heard of it.
      await until(() =>
        post(node, request).then(
          () => true,
          () => false,
        ),
      );
    }
    await subscribeTo(node, made.registerId);
    await until(() => isWhole(node));
  }
  const before = nodes.map(processorMs);
  const memoryMb: number[][] = [];
  const note = () => memoryMb.push(nodes.map((node) => memoryOf(node).nowMb));
  const sent = await send(origin, { registerId: made.registerId, onThird: note });
  await Bun.sleep(2_000);
  const spent = nodes.map((node, hop) => processorMs(node) - (before[hop] ?? 0));
  for (const node of nodes.toReversed()) await stopNode(node);
  report({ ceiling, docketsPerSecond: sent, spent, memoryMb });
}

/** Ten records a call, one docket each, paced; gives how many dockets went in a second. */
async function send(
  origin: BenchNode,
  { registerId, onThird }: { registerId: string; onThird: () => void },
): Promise<number> {
  const everyMs = (1_000 * perDocket) / rate;
  const dockets = warmUpDockets + Math.round((seconds * 1_000) / everyMs);
  const filler = "0123456789abcdef".repeat(62);
  const startMs = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let docket = 0; docket < dockets; docket += 1) {
    const first = docket * perDocket + 1;
    const body = Array.from(
      { length: perDocket },
      (_, i) => `{"n":${first + i},"t":"${filler}"}\n`,
    );
    const path = `/api/registers/${registerId}/records?importId=live&firstLine=${first}`;
    calls.push(post(origin, { path, body: body.join("") }));
    if ((docket + 1) % Math.floor(dockets / 3) === 0) onThird();
    const dueMs = startMs + (docket + 1) * everyMs;
    if (dueMs > performance.now()) await Bun.sleep(dueMs - performance.now());
  }
  await Promise.all(calls);
  return dockets / ((performance.now() - startMs) / 1_000);
}

async function emptyCalls(node: BenchNode): Promise<Quantiles> {
  const channel = openChannel({ address: node.grpcAddress });
  const tookMs: number[] = [];
  for (let call = 0; call < 400; call += 1) {
    const startMs = performance.now();
    await channel.unary(health.check, { service: "none" }, { deadlineMs: 5_000 }).catch(() => {});
    if (call >= 100) tookMs.push(performance.now() - startMs);
  }
  channel.close();
  return quantilesOf(tookMs);
}

async function smallCommits(): Promise<Quantiles> {
  const { PEER_DB_SCHEMA: schema = "peer" } = environmentIn(url, "live_commit");
  await store.open({
    connection: url ?? undefined,
    schema,
    poolSize: 1,
    dataDir: join(folder, "commits"),
    embeddedThreadUrl: new URL("../src/store/embedded-thread.ts", import.meta.url),
  });
  const sql = store.sql();
  await sql`CREATE SCHEMA IF NOT EXISTS ${sql(schema)}`;
  await sql`CREATE TABLE commits (number bigint, text text)`;
  const tookMs: number[] = [];
  for (let number = 0; number < 300; number += 1) {
    const startMs = performance.now();
    await sql`INSERT INTO commits VALUES (${number}, 'a small commit')`;
    if (number >= 50) tookMs.push(performance.now() - startMs);
  }
  await store.close();
  return quantilesOf(tookMs);
}

/** By number: when it was stored at that node, and the docket's own time. */
function readTimes(hop: number): Map<number, { sealedMs: number; storedMs: number }> {
  const times = new Map<number, { sealedMs: number; storedMs: number }>();
  for (const line of readFileSync(fileOf(hop), "utf8").trim().split("\n")) {
    const [number = 0, sealedMs = 0, storedMs = 0] = line.split(" ").map(Number);
    times.set(number, { sealedMs, storedMs });
  }
  return times;
}

interface Run {
  ceiling: { call: Quantiles; commit: Quantiles };
  docketsPerSecond: number;
  /** Processor time of each node while the records were sent, ms. */
  spent: number[];
  /** Of each node after each third of the dockets: level where nothing grows. */
  memoryMb: number[][];
}

function report({ ceiling, docketsPerSecond, spent, memoryMb }: Run): void {
  const times = Array.from({ length: hops + 1 }, (_, hop) => readTimes(hop));
  const numbers = [...(times[0]?.keys() ?? [])].filter((number) => number > warmUpDockets);
  const between = (from: number, to: number) =>
    numbers.flatMap((number) => {
      const [start, stop] = [times[from]?.get(number), times[to]?.get(number)];
      return start === undefined || stop === undefined ? [] : [stop.storedMs - start.storedMs];
    });
  const origin = numbers.map((number) => {
    const { sealedMs = 0, storedMs = 0 } = times[0]?.get(number) ?? {};
    return storedMs - sealedMs;
  });
  const perHop = times.slice(1).map((_, hop) => quantilesOf(between(hop, hop + 1)));
  const fromOrigin = times.slice(1).map((_, hop) => quantilesOf(between(0, hop + 1)));
  const missing = numbers.length - between(0, hops).length;
  const docketsSent = Math.max(...numbers, 1);
  const processor = spent.map((one) => Number((one / docketsSent).toFixed(2)));
  const result = {
    name: "P6",
    store: values.store,
    docketsPerSecond: Math.round(docketsPerSecond),
    dockets: numbers.length,
    missing,
    ceiling,
    originStores: quantilesOf(origin),
    perHop,
    fromOrigin,
    processorMsPerDocket: processor,
    memoryMb,
    target,
    isMet: perHop.every(({ p50, p99 }) => p50 <= target.p50 && p99 <= target.p99),
  };
  if (values.json) {
    console.log(JSON.stringify(result));
    return;
  }
  const row = (what: string, { p50, p99, max }: Quantiles) =>
    console.log(`${what.padEnd(46)} p50 ${ms(p50)}  p99 ${ms(p99)}  most ${ms(max)}`);
  const load = `${result.docketsPerSecond} dockets of ${perDocket} a second`;
  console.log(`\nP6 (${values.store}): ${load}, ${numbers.length} dockets, ${missing} missing\n`);
  row("empty gRPC round trip, idle", ceiling.call);
  row("one small commit, idle", ceiling.commit);
  row("origin: from the docket's time to stored", result.originStores);
  for (const [hop, quantiles] of perHop.entries()) {
    row(`hop ${hop + 1}: stored there after stored before it`, quantiles);
  }
  for (const [hop, quantiles] of fromOrigin.entries()) {
    row(`stored at the origin → stored ${hop + 1} hops away`, quantiles);
  }
  console.log(`processor time a docket, origin and hops: ${processor.join(", ")} ms`);
  const thirds = memoryMb.map((third) => third.join(", ")).join("; ");
  console.log(`memory after each third, origin and hops: ${thirds} MiB`);
  console.log(`\nP6 asks p50 ≤ 5 ms and p99 ≤ 25 ms a hop: ${result.isMet ? "met" : "not met"}`);
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(6)} ms`;
}

function fileOf(hop: number): string {
  return join(folder, `feed-${hop}`);
}
