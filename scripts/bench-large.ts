/**
 * What size costs. A register of many small dockets, sealed by our own code through the one road,
 * beside one of 10,000: memory of source and target, catch-up, reads at the source, start on the
 * store that came of it. Then a node that follows many registers of one source at once. Source,
 * target and database are processes of their own.
 *
 *   bun run bench large [--dockets 1000000] [--registers 1000] [--store postgres|embedded] [--json]
 */
import { parseArgs } from "node:util";
import postgres from "postgres";
import {
  type BenchNode,
  end,
  get,
  memoryOf,
  post,
  startNode,
  stopNode,
  until,
} from "./bench-node.ts";
import { findTestDatabase } from "./test-database.ts";

const { values } = parseArgs({
  options: {
    dockets: { type: "string", default: "1000000" },
    registers: { type: "string", default: "1000" },
    store: { type: "string", default: "postgres" },
    json: { type: "boolean", default: false },
  },
});
const smallDockets = 10_000;
const rounds = 3;
const readCount = 1_000;
const linesAtOnce = 5_000;
const schemas: string[] = [];

const database =
  values.store === "postgres" ? await findTestDatabase(process.env.TEST_DATABASE_URL) : null;
if (values.store === "postgres" && !database?.url) throw new Error("There is no PostgreSQL here");
try {
  await bench();
} finally {
  end();
  await dropSchemas();
  await database?.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  const large = Number(values.dockets);
  const result: Record<string, unknown> = { store: values.store };
  if (large > 0) {
    const small = await measureDockets(Math.min(smallDockets, large));
    const big = large > smallDockets ? await measureDockets(large) : small;
    const ratio = Math.round((100 * big.catchUpPerSecond) / small.catchUpPerSecond);
    Object.assign(result, { small, large: big, p12Percent: ratio });
    say(`\nP12 catch-up at ${big.dockets} of that at ${small.dockets} dockets    ${ratio} %`);
  }
  if (Number(values.registers) > 0) {
    result.registers = await measureRegisters(Number(values.registers));
  }
  if (values.json) console.log(JSON.stringify(result));
}

async function measureDockets(dockets: number) {
  say(`\n${dockets} dockets of one record (${values.store})`);
  const name = `source-${dockets}`;
  let source = await startNode(name, { environment: environmentOf(name) });
  const { registerId } = await post<{ registerId: string }>(source, {
    path: "/api/registers",
    body: { name: "large" },
  });
  const sealing = stopwatch();
  await seal(source, { registerId, dockets });
  show("sealed and stored at the source", `${rate(dockets, sealing())} dockets/s`);
  const sourceSealing = memoryOf(source);
  await stopNode(source, { keep: true });
  source = await startNode(name, { environment: environmentOf(name) });
  const startMs = Math.round(source.startMs);
  show("start on that store (P8)", `${startMs} ms`);
  const reads = await measureReads(source, { registerId, dockets });
  const rates: number[] = [];
  let target = { nowMb: 0, highestMb: 0 };
  let targetStartMs = 0;
  for (let round = 0; round < (dockets > smallDockets ? 1 : rounds); round += 1) {
    const caught = await catchUp(source, { registerId, name: `target-${dockets}-${round}` });
    rates.push(dockets / caught.seconds);
    target = caught.memory;
    targetStartMs = caught.startMs;
  }
  const catchUpPerSecond = Math.round(rates.toSorted((a, b) => a - b)[rates.length >> 1] ?? 0);
  const sourceServing = memoryOf(source);
  show("catch-up, verified and durable", `${catchUpPerSecond} dockets/s`);
  show("start of the replica on its store (P8)", `${targetStartMs} ms`);
  show("memory of the source, sealing", megabytes(sourceSealing));
  show("memory of the source, serving (P7)", megabytes(sourceServing));
  show("memory of the target, catching up (P7)", megabytes(target));
  await stopNode(source);
  const memory = { sourceSealing, sourceServing, target };
  return { dockets, startMs, targetStartMs, reads, catchUpPerSecond, memory };
}

async function seal(
  source: BenchNode,
  wanted: { registerId: string; dockets: number },
): Promise<void> {
  // The genesis docket is there already.
  const records = wanted.dockets - 1;
  for (let first = 1; first <= records; first += linesAtOnce) {
    const count = Math.min(linesAtOnce, records - first + 1);
    const lines = Array.from({ length: count }, (_, index) => `{"n":${first + index}}\n`);
    const path = `/api/registers/${wanted.registerId}/records?importId=large&firstLine=${first}`;
    await post(source, { path, body: lines.join("") });
    if ((first - 1) % 100_000 === 0 && first > 1) say(`  ${first - 1} dockets`);
  }
}

/** Dockets by number and transactions by id, all over the register. */
async function measureReads(source: BenchNode, of: { registerId: string; dockets: number }) {
  const path = `/api/registers/${of.registerId}`;
  const byNumber: number[] = [];
  const byId: number[] = [];
  for (let read = 0; read < readCount; read += 1) {
    // A stride that is prime to the size visits places all over it.
    const number = 1 + ((read * 7_919) % (of.dockets - 1));
    const took = stopwatch();
    const docket = await get<{ transactions: string[] }>(source, `${path}/dockets/${number}`);
    byNumber.push(took() * 1_000);
    const { transactionId } = JSON.parse(docket.transactions[0] ?? "{}");
    const tookId = stopwatch();
    await get(source, `${path}/transactions/${transactionId}`);
    byId.push(tookId() * 1_000);
  }
  const reads = { docket: quantiles(byNumber), transaction: quantiles(byId) };
  show("GET of a docket by number, p50 / p99", `${reads.docket.p50} / ${reads.docket.p99} ms`);
  const { transaction } = reads;
  show("GET of a transaction by id, p50 / p99", `${transaction.p50} / ${transaction.p99} ms`);
  return reads;
}

/** A fresh node brings it all here; then it is started once more on what it has. */
async function catchUp(source: BenchNode, of: { registerId: string; name: string }) {
  const environment = environmentOf(of.name);
  let target = await startNode(of.name, { environment, seed: source });
  await hears(target, of.registerId);
  const took = stopwatch();
  await subscribe(target, of.registerId);
  await until(() => isWhole(target), 1_200_000);
  const seconds = took();
  const memory = memoryOf(target);
  await stopNode(target, { keep: true });
  target = await startNode(of.name, { environment, seed: source });
  const startMs = Math.round(target.startMs);
  await stopNode(target);
  return { seconds, memory, startMs };
}

/** Many registers of one docket, followed by one node from one source; then each grows by one. */
async function measureRegisters(registers: number) {
  say(`\n${registers} registers followed by one node (${values.store})`);
  const source = await startNode("many-source", { environment: environmentOf("many-source") });
  const ids: string[] = [];
  for (let index = 0; index < registers; index += 1) {
    const body = { name: `register ${index}` };
    ids.push(
      (await post<{ registerId: string }>(source, { path: "/api/registers", body })).registerId,
    );
  }
  const target = await startNode("many-target", {
    environment: environmentOf("many-target"),
    seed: source,
  });
  for (const registerId of ids) await hears(target, registerId);
  const took = stopwatch();
  for (const registerId of ids) await subscribe(target, registerId);
  await until(() => isWhole(target), 300_000);
  const wholeSeconds = took();
  show("subscribed, all whole after", `${wholeSeconds.toFixed(1)} s`);
  const growing = stopwatch();
  for (const registerId of ids) {
    const path = `/api/registers/${registerId}/records?importId=grow&firstLine=1`;
    await post(source, { path, body: '{"grown":true}\n' });
  }
  const grownSeconds = growing();
  await until(async () => {
    const all = await get<{ headDocketNumber: number }[]>(target, "/api/registers");
    return all.filter((one) => one.headDocketNumber >= 1).length >= Math.min(registers, 1_000);
  }, 300_000);
  const arrivedSeconds = growing();
  show("a docket sealed in each, within", `${grownSeconds.toFixed(1)} s`);
  show("all of them at the follower after", `${arrivedSeconds.toFixed(1)} s`);
  const memory = { source: memoryOf(source), target: memoryOf(target) };
  show("memory of the source (P7)", megabytes(memory.source));
  show("memory of the follower (P7)", megabytes(memory.target));
  await stopNode(target);
  await stopNode(source);
  return { registers, wholeSeconds, grownSeconds, arrivedSeconds, memory };
}

async function hears(node: BenchNode, registerId: string): Promise<void> {
  await until(async () => {
    const known = await get<{ registerId: string }[]>(node, "/api/registers/available");
    return known.some((one) => one.registerId === registerId);
  });
}

async function subscribe(node: BenchNode, registerId: string): Promise<void> {
  const path = `/api/registers/${registerId}/subscribe`;
  await post(node, { path, body: { mode: "full-replica" } });
}

async function isWhole(node: BenchNode): Promise<boolean> {
  const all = await get<{ syncState: string }[]>(node, "/api/registers/subscriptions");
  return all.every((one) => one.syncState === "FullyReplicated");
}

/** Small dockets: one record each. A schema a node, and no bound on how often it is asked. */
function environmentOf(name: string): Record<string, string> {
  const sealing = {
    PEER_SEAL_COUNT: "1",
    PEER_NODE_ID: name,
    PEER_SERVICE_PER_MINUTE: "1000000",
    PEER_READS_PER_MINUTE: "1000000",
  };
  if (!database?.url) return sealing;
  const schema = `large_${process.pid}_${name.replaceAll("-", "_")}`;
  if (!schemas.includes(schema)) schemas.push(schema);
  return { ...sealing, PEER_DB_CONNECTION: database.url, PEER_DB_SCHEMA: schema };
}

async function dropSchemas(): Promise<void> {
  if (!database?.url) return;
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  for (const schema of schemas) await sql`DROP SCHEMA IF EXISTS ${sql(schema)} CASCADE`;
  await sql.end();
}

function quantiles(ms: readonly number[]): { p50: number; p99: number } {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99) };
}

function rate(count: number, seconds: number): number {
  return Math.round(count / seconds);
}

function megabytes(memory: { nowMb: number; highestMb: number }): string {
  return `${memory.nowMb} MiB, at most ${memory.highestMb}`;
}

/** Seconds since this call. */
function stopwatch(): () => number {
  const startMs = performance.now();
  return () => (performance.now() - startMs) / 1_000;
}

function show(what: string, value: string): void {
  say(`${what.padEnd(42)} ${value}`);
}

function say(line: string): void {
  if (values.json) console.error(line);
  else console.log(line);
}
