/**
 * W1, W2, W3: how fast a node brings a register here, verified and durable. Source, target and
 * database are
 * processes of their own on this machine; every round starts with an empty target. The ceilings are
 * measured between the rounds of the same run: a gRPC stream of the same frames, verification
 * alone, the store alone, and a plain COPY. Figures are medians over the rounds with their spread.
 *
 *   bun run bench catch-up [--workload W1|W2|W3] [--records 100000] [--rounds 5]
 *     [--store embedded|postgres] [--json]
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { joinPage } from "../src/dockets/join.ts";
import type { Anchor, CheckedPage, VerifiedPage } from "../src/dockets/types.ts";
import { appendPage } from "../src/registers/append.ts";
import * as feed from "../src/registers/feed.ts";
import * as heads from "../src/registers/heads.ts";
import { emptyAnchor } from "../src/replication/commit.ts";
import { migrate } from "../src/store/migrate.ts";
import * as store from "../src/store/sql.ts";
import * as workers from "../src/workers/pool.ts";
import { copyPages } from "./bench-copy.ts";
import { medianOf, spreadOf } from "./bench-figures.ts";
import { pullAll, verifyAll } from "./bench-frames.ts";
import { processorMs } from "./bench-memory.ts";
import {
  type BenchNode,
  end,
  folder,
  get,
  importRecords,
  lagSince,
  post,
  startNode,
  stopNode,
  until,
} from "./bench-node.ts";
import { readRegister } from "./bench-reader.ts";
import { findTestDatabase } from "./test-database.ts";

const records = Number(argument("--records") ?? 100_000);
const rounds = Number(argument("--rounds") ?? 5);
const only = argument("--store");
const isJson = process.argv.includes("--json");
const workloads = {
  W1: { recordBytes: 1_024, perDocket: 10, verifyTransactions: "none" },
  W2: { recordBytes: 512, perDocket: 100, verifyTransactions: "none" },
  W3: { recordBytes: 1_024, perDocket: 10, verifyTransactions: "all" },
} as const;
const name = (argument("--workload") ?? "W2") as keyof typeof workloads;
const { recordBytes, perDocket, verifyTransactions } = workloads[name];
const targetLag = { ms: 0, ownMs: 0 };
const figures: Record<string, number[]> = {};
/** Of source and target together, microseconds a transaction, by store. */
const processorUs: Record<string, number[]> = {};

const database = only === "embedded" ? null : await findTestDatabase(process.env.TEST_DATABASE_URL);
const databaseUrl = database?.url ?? null;
try {
  await bench();
  report();
} finally {
  end();
  await database?.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  const source = await startNode("source", {
    environment: { PEER_SEAL_COUNT: String(perDocket) },
  });
  say(`importing ${records} records of ${recordBytes} bytes at the source`);
  const registerId = await importRecords(source, { records, recordBytes });
  const { height } = await get<{ height: number }>(source, `/api/registers/${registerId}`);
  const headNumber = height - 1;
  const frames = await pullAll(source, registerId);
  const workerUrl = new URL("../src/workers/verify-thread.ts", import.meta.url);
  for (let round = 1; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    await timed("stream (no verification, no store)", () => pullAll(source, registerId));
    workers.open({ threadUrl: null, count: 0 });
    const pages = await timed("verify, one thread", () =>
      verifyAll(registerId, { frames, verifyTransactions }),
    );
    await workers.close();
    workers.open({ threadUrl: workerUrl, count: navigator.hardwareConcurrency });
    await timed("verify, all threads", () => verifyAll(registerId, { frames, verifyTransactions }));
    await timed("catch-up without a store", () =>
      readRegister(registerId, { addresses: [source.grpcAddress], headNumber, verifyTransactions }),
    );
    await workers.close();
    if (only !== "postgres") await storeRound("embedded", { source, registerId, pages });
    if (databaseUrl !== null) await storeRound("postgres", { source, registerId, pages });
  }
}

async function storeRound(
  kind: "embedded" | "postgres",
  given: { source: BenchNode; registerId: string; pages: CheckedPage[] },
): Promise<void> {
  const schema = `bench_${process.pid}`;
  const connection = kind === "postgres" ? (databaseUrl ?? undefined) : undefined;
  const dataDir = join(folder, `store-${kind}`);
  const embeddedThreadUrl = new URL("../src/store/embedded-thread.ts", import.meta.url);
  await store.open({ connection, schema, poolSize: 4, dataDir, embeddedThreadUrl });
  await migrate();
  await heads.open();
  feed.open();
  const joined = joinAll(given.registerId, given.pages);
  await timed(`store alone, ${kind}`, async () => {
    for (const page of joined) await appendPage(page, { sourcePeerId: "bench" });
  });
  if (kind === "postgres") {
    await timed("plain COPY, postgres", () => copyPages(store.sql(), given.pages));
    await store.sql()`DROP SCHEMA ${store.sql()(schema)} CASCADE`;
  }
  feed.close();
  heads.close();
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
  await catchUp(kind, given);
}

/** A fresh node subscribes; timed from the answer to the subscription to FullyReplicated. */
async function catchUp(
  kind: "embedded" | "postgres",
  given: { source: BenchNode; registerId: string },
): Promise<void> {
  const schema = `bench_target_${process.pid}`;
  const environment: Record<string, string> =
    kind === "postgres" && databaseUrl !== null
      ? { PEER_DB_CONNECTION: databaseUrl, PEER_DB_SCHEMA: schema }
      : {};
  const lagFile = join(folder, `lag-${Bun.randomUUIDv7()}`);
  const target = await startNode(`target-${Bun.randomUUIDv7()}`, {
    environment: { ...environment, PEER_VERIFY_TRANSACTIONS: verifyTransactions },
    seed: given.source,
    lagFile,
  });
  await until(async () => {
    const known = await get<{ registerId: string }[]>(target, "/api/registers/available");
    return known.some((one) => one.registerId === given.registerId);
  });
  const startMs = Date.now();
  const spentMs = () => processorMs(given.source) + processorMs(target);
  const spentBefore = spentMs();
  await timed(`catch-up, verified and durable, ${kind}`, async () => {
    const path = `/api/registers/${given.registerId}/subscribe`;
    await post(target, { path, body: { mode: "full-replica" } });
    await until(async () => {
      const [one] = await get<{ syncState: string }[]>(target, "/api/registers/subscriptions");
      return one?.syncState === "FullyReplicated";
    });
  });
  processorUs[kind] ??= [];
  processorUs[kind].push(((spentMs() - spentBefore) * 1_000) / records);
  const lag = lagSince(lagFile, startMs);
  targetLag.ms = Math.max(targetLag.ms, lag.ms);
  targetLag.ownMs = Math.max(targetLag.ownMs, lag.ownMs);
  await stopNode(target);
  if (kind === "postgres" && databaseUrl !== null) {
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
    await sql`DROP SCHEMA ${sql(schema)} CASCADE`;
    await sql.end();
  }
}

function joinAll(registerId: string, pages: readonly CheckedPage[]): VerifiedPage[] {
  let anchor: Anchor = emptyAnchor(registerId);
  return pages.map((page) => {
    const joined = joinPage(anchor, page);
    if (!joined.ok) throw new Error(joined.refusal.message);
    anchor = joined.value.next;
    return joined.value;
  });
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  const perSecond = records / ((performance.now() - start) / 1_000);
  figures[what] ??= [];
  figures[what].push(perSecond);
  return result;
}

function report(): void {
  const rows = Object.entries(figures).map(([what, rates]) => {
    return {
      what,
      transactionsPerSecond: Math.round(medianOf(rates)),
      spreadPercent: spreadOf(rates),
    };
  });
  const stream = "stream (no verification, no store)";
  const ratios = {
    "P1 without a store, of the smaller of stream and verify": ratioOf("catch-up without a store", [
      stream,
      "verify, all threads",
    ]),
    "P2 postgres, of plain COPY": ratioOf("catch-up, verified and durable, postgres", [
      "plain COPY, postgres",
    ]),
    "P3 embedded, of the store alone": ratioOf("catch-up, verified and durable, embedded", [
      "store alone, embedded",
    ]),
  };
  if (isJson) {
    const shape = { name, records, recordBytes, rounds };
    console.log(JSON.stringify({ ...shape, rows, ratios, processorUs, targetLag }));
    return;
  }
  const size = `${records} records of ${recordBytes} bytes, ${perDocket} a docket`;
  console.log(`\n${name}: ${size}, ${rounds} rounds`);
  console.log(`${navigator.hardwareConcurrency} cores, Bun ${Bun.version}\n`);
  for (const row of rows) {
    const shown = row.transactionsPerSecond.toLocaleString("en").padStart(9);
    console.log(`${row.what.padEnd(44)} ${shown} tx/s  ± ${row.spreadPercent} %`);
  }
  console.log("");
  for (const [what, value] of Object.entries(ratios)) {
    if (value === null) continue;
    const { percent, spreadPercent } = value;
    console.log(`${what.padEnd(58)} ${String(percent).padStart(4)} %  ± ${spreadPercent} %`);
  }
  for (const [kind, all] of Object.entries(processorUs)) {
    const what = `processor time of source and target, ${kind}`;
    console.log(`${what.padEnd(58)} ${medianOf(all).toFixed(1).padStart(4)} µs a transaction`);
  }
  for (const [what, ms] of [
    ["the target's event loop held up by its own work, at most", targetLag.ownMs],
    ["the same with waiting for a core", targetLag.ms],
  ] as const) {
    console.log(`${what.padEnd(58)} ${String(Math.round(ms)).padStart(4)} ms`);
  }
}

/**
 * Of the smallest of these ceilings, round by round, for both sides of a round had the same
 * machine: the median over the rounds, in percent. Null where it was not measured.
 */
function ratioOf(part: string, ceilings: readonly string[]) {
  const rounds = (figures[part] ?? []).flatMap((rate, round) => {
    const whole = Math.min(...ceilings.map((what) => figures[what]?.[round] ?? 0));
    return whole > 0 ? [(rate / whole) * 100] : [];
  });
  if (rounds.length === 0) return null;
  return { percent: Math.round(medianOf(rounds)), spreadPercent: spreadOf(rounds) };
}

function say(what: string): void {
  if (!isJson) console.error(what);
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
