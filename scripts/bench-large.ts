/**
 * What size costs: one register of very many dockets of one small record. Start of a node on that
 * store (P8), reads by number and by id, and a replica's whole catch-up: its speed behind docket
 * 10,000 and before the end, in windows of one length over an eighth of the way each, once
 * everything is warm, and beside it the processor time of both nodes a docket, which hangs less on
 * what else the machine does (P12), and the memory of both (P7). Source, target and database are
 * processes of their own.
 *
 *   bun run bench large [--dockets 1000000] [--store postgres|embedded] [--drop] [--json]
 *
 * The register is sealed by our own code through the one road at the first run, which takes some
 * minutes for a million, and kept for the next; `--drop` takes it away afterwards.
 */
import { parseArgs } from "node:util";
import { dropLong, dropSchemas, environmentIn, longRegister } from "./bench-data.ts";
import { medianOf, quantilesOf, spreadOf, stopwatch } from "./bench-figures.ts";
import { forgetHighest, memoryOf, processorMs, shownMemory } from "./bench-memory.ts";
import {
  type BenchNode,
  end,
  get,
  hears,
  isWhole,
  post,
  startNode,
  stopNode,
} from "./bench-node.ts";
import { findTestDatabase } from "./test-database.ts";

const { values } = parseArgs({
  options: {
    dockets: { type: "string", default: "1000000" },
    store: { type: "string", default: "postgres" },
    drop: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const dockets = Number(values.dockets);
const smallDockets = 10_000;
const starts = 5;
const windowSeconds = dockets >= 500_000 ? 1 : 0.5;
const readCount = 1_000;
const targets = { memoryMb: 250, startMs: values.store === "embedded" ? 2_000 : 500, percent: 90 };

const database = await findTestDatabase(process.env.TEST_DATABASE_URL);
const url = values.store === "postgres" ? database.url : null;
if (values.store === "postgres" && url === null) throw new Error("There is no PostgreSQL here");
try {
  await bench();
} finally {
  end();
  await dropSchemas(url);
  if (values.drop) await dropLong(url, { dockets });
  database.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  say(`\n${dockets} dockets of one record (${values.store})\n`);
  const register = await longRegister(url, { dockets });
  show(
    "sealed, verified and stored when built",
    `${perSecond(dockets, register.seconds)} dockets/s`,
  );
  const start = { environment: register.environment };
  const startMs: number[] = [];
  for (let round = 0; round < starts; round += 1) {
    const node = await startNode(register.name, start);
    startMs.push(node.startMs);
    await stopNode(node, { keep: true });
  }
  const source = await startNode(register.name, start);
  show("start on that store, median (P8)", `${Math.round(medianOf(startMs))} ms`);
  const reads = await measureReads(source, register.registerId);
  const caught = await catchUp(source, register.registerId);
  const served = memoryOf(source);
  show("memory of the source, serving (P7)", shownMemory(served));
  await stopNode(source, { keep: true });
  const small = Math.round(medianOf(caught.early));
  const large = Math.round(medianOf(caught.late));
  const percent = Math.round((100 * large) / small);
  show(
    `catch-up behind docket ${smallDockets}`,
    `${small} dockets/s  ± ${spreadOf(caught.early)} %`,
  );
  show("catch-up before the end", `${large} dockets/s  ± ${spreadOf(caught.late)} %`);
  show("P12 the one of the other", `${percent} %`);
  const { processor } = caught;
  show("processor time a docket, early and late", `${processor.early}, ${processor.late} µs`);
  const result = {
    name: "P7 P8 P12",
    store: values.store,
    dockets,
    built: perSecond(dockets, register.seconds),
    startMs: Math.round(medianOf(startMs)),
    reads,
    catchUp: { seconds: caught.seconds, small, large, percent, processor },
    memory: { source: served, target: caught.memory, targetLater: caught.later },
    replicaStartMs: caught.startMs,
    targets,
  };
  if (values.json) console.log(JSON.stringify(result));
}

/** A fresh node brings it all here; then it is started once more on what it has. */
async function catchUp(source: BenchNode, registerId: string) {
  const environment = environmentIn(url, "large-target");
  let target = await startNode("large-target", { environment, seed: source });
  await hears(target, registerId);
  const idle = memoryOf(target);
  show("memory of the target, before", shownMemory(idle));
  forgetHighest(target);
  const took = stopwatch();
  const path = `/api/registers/${registerId}/subscribe`;
  await post(target, { path, body: { mode: "full-replica" } });
  const samples = await follow([source, target], registerId);
  const seconds = took();
  const memory = memoryOf(target);
  show("catch-up, verified and durable", `${perSecond(dockets, seconds)} dockets/s in all`);
  show("memory of the target, catching up (P7)", shownMemory(memory));
  await Bun.sleep(10_000);
  const later = memoryOf(target);
  show("memory of the target, ten seconds later", shownMemory(later));
  await stopNode(target, { keep: true });
  target = await startNode("large-target", { environment, seed: source });
  const startMs = Math.round(target.startMs);
  show("start of the replica on its store (P8)", `${startMs} ms`);
  await stopNode(target);
  const fromSmall = samples.findIndex(({ height }) => height >= smallDockets);
  const behind = samples.slice(Math.max(0, fromSmall));
  const count = Math.max(1, Math.floor((behind.length - 1) / 8));
  const [early, late] = [behind.slice(0, count + 1), behind.slice(-count - 1)];
  const processor = { early: processorUsOf(early), late: processorUsOf(late) };
  const rates = { early: ratesOf(early), late: ratesOf(late) };
  return { seconds, memory, later, startMs, ...rates, processor };
}

interface Sample {
  atMs: number;
  height: number;
  /** Of source and target together. */
  processorMs: number;
}

/** How far it is, once a window, until it is whole. The rest of a window at the end is left out. */
async function follow(
  nodes: [source: BenchNode, target: BenchNode],
  registerId: string,
): Promise<Sample[]> {
  const [, target] = nodes;
  const samples: Sample[] = [];
  for (let dueMs = performance.now(); !(await isWhole(target)); ) {
    const all = await get<{ registerId: string; height: number }[]>(target, "/api/registers");
    const height = all.find((one) => one.registerId === registerId)?.height ?? 0;
    const spentMs = processorMs(nodes[0]) + processorMs(target);
    if (height < dockets) {
      samples.push({ atMs: performance.now(), height, processorMs: spentMs });
    }
    dueMs += windowSeconds * 1_000;
    while (performance.now() < dueMs && !(await isWhole(target))) await Bun.sleep(50);
  }
  return samples;
}

function ratesOf(samples: readonly Sample[]): number[] {
  return samples.slice(1).map(({ atMs, height }, index) => {
    const before = samples[index] as Sample;
    return ((height - before.height) * 1_000) / (atMs - before.atMs);
  });
}

/** Microseconds a docket. */
function processorUsOf(samples: readonly Sample[]): number {
  const [first, last] = [samples[0] as Sample, samples.at(-1) as Sample];
  const perDocket = (last.processorMs - first.processorMs) / (last.height - first.height);
  return Math.round(perDocket * 1_000);
}

/** Dockets by number and transactions by id, all over the register. */
async function measureReads(source: BenchNode, registerId: string) {
  const path = `/api/registers/${registerId}`;
  const byNumber: number[] = [];
  const byId: number[] = [];
  for (let read = 0; read < readCount; read += 1) {
    // A stride that is prime to the size visits places all over it.
    const number = 1 + ((read * 7_919) % (dockets - 1));
    const took = stopwatch();
    const docket = await get<{ transactions: string[] }>(source, `${path}/dockets/${number}`);
    byNumber.push(took() * 1_000);
    const { transactionId } = JSON.parse(docket.transactions[0] ?? "{}");
    const tookId = stopwatch();
    await get(source, `${path}/transactions/${transactionId}`);
    byId.push(tookId() * 1_000);
  }
  const reads = { docket: quantilesOf(byNumber), transaction: quantilesOf(byId) };
  show("GET of a docket by number, p50 / p99", `${reads.docket.p50} / ${reads.docket.p99} ms`);
  const { transaction } = reads;
  show("GET of a transaction by id, p50 / p99", `${transaction.p50} / ${transaction.p99} ms`);
  return reads;
}

function perSecond(count: number, seconds: number): number {
  return Math.round(count / seconds);
}

function show(what: string, value: string): void {
  say(`${what.padEnd(42)} ${value}`);
}

function say(line: string): void {
  if (values.json) console.error(line);
  else console.log(line);
}
