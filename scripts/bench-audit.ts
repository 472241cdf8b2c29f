/**
 * P9: how fast a node verifies again all that it has stored of a register (W2: 100,000 records of
 * 512 bytes, 100 a docket), asked for over REST as an operator does; the node says how long that
 * took.
 * Beside it, in the same run, the ceiling: the same frames verified by as many threads and nothing
 * else, no database between.
 *
 *   bun run bench audit [--records 100000] [--rounds 5] [--store postgres|embedded] [--json]
 */
import { parseArgs } from "node:util";
import * as workers from "../src/workers/pool.ts";
import { longRegister } from "./bench-data.ts";
import { medianOf, spreadOf, stopwatch } from "./bench-figures.ts";
import { pullAll, verifyAll } from "./bench-frames.ts";
import { type BenchNode, end, get, post, startNode, stopNode } from "./bench-node.ts";
import { findTestDatabase } from "./test-database.ts";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    store: { type: "string", default: "postgres" },
    json: { type: "boolean", default: false },
  },
});
const perDocket = 100;
const dockets = Math.ceil(Number(values.records) / perDocket) + 1;
const targetRate = 100_000;

interface Upkeep {
  state: string;
  message: string | null;
  lastAudit: { isWhole: boolean; transactions: number; tookMs: number } | null;
}

const database = await findTestDatabase(process.env.TEST_DATABASE_URL);
const url = values.store === "postgres" ? database.url : null;
if (values.store === "postgres" && url === null) throw new Error("There is no PostgreSQL here");
try {
  await bench();
} finally {
  end();
  database.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  const register = await longRegister(url, { dockets, perDocket, recordBytes: 512 });
  const node = await startNode(register.name, { environment: register.environment });
  const frames = await pullAll(node, register.registerId);
  workers.open({
    threadUrl: new URL("../src/workers/verify-thread.ts", import.meta.url),
    count: navigator.hardwareConcurrency,
  });
  const verifyRates: number[] = [];
  const auditRates: number[] = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const took = stopwatch();
    const pages = await verifyAll(register.registerId, { frames, verifyTransactions: "none" });
    const seconds = took();
    const count = pages.reduce((sum, page) => sum + page.transactions.count, 0);
    const audited = await audit(node, register.registerId);
    // The first round only warms both up.
    if (round === 0) continue;
    verifyRates.push(count / seconds);
    auditRates.push(audited);
  }
  await workers.close();
  await stopNode(node, { keep: true });
  report(verifyRates, auditRates);
}

/** Transactions a second. */
async function audit(node: BenchNode, registerId: string): Promise<number> {
  const path = `/api/registers/${registerId}/audit`;
  let so = await post<Upkeep>(node, { path, body: {} });
  for (; so.state === "running"; await Bun.sleep(50)) so = await get<Upkeep>(node, path);
  const done = so.lastAudit;
  if (done === null || !done.isWhole) throw new Error(`The audit failed: ${so.message}`);
  return done.transactions / (done.tookMs / 1_000);
}

function report(verifyRates: number[], auditRates: number[]): void {
  const rate = Math.round(medianOf(auditRates));
  const ceiling = Math.round(medianOf(verifyRates));
  const percent = Math.round((100 * rate) / ceiling);
  const result = {
    name: "P9",
    store: values.store,
    transactionsPerSecond: rate,
    spreadPercent: spreadOf(auditRates),
    ceiling,
    ceilingSpreadPercent: spreadOf(verifyRates),
    percent,
    target: targetRate,
    isMet: rate >= targetRate,
  };
  if (values.json) {
    console.log(JSON.stringify(result));
    return;
  }
  const row = (what: string, value: number, spread: number) =>
    console.log(`${what.padEnd(44)} ${value.toLocaleString("en").padStart(9)} tx/s  ± ${spread} %`);
  console.log(`\nP9 (${values.store}): ${dockets} dockets, ${values.rounds} rounds\n`);
  row("verify alone, all threads", ceiling, result.ceilingSpreadPercent);
  row("audit of the stored register", rate, result.spreadPercent);
  const isMet = result.isMet ? "met" : "not met";
  console.log(`\nP9 ${percent} % of verification alone; asked for 100,000 tx/s: ${isMet}`);
}
