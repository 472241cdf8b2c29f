/**
 * Builds a node's store with one long register in it, in this one process: the sealing code itself,
 * straight down the one road, without REST between. A node that is started on the data directory
 * afterwards is the register's origin. Run as a program by `bench-data.ts`, so that what building
 * leaves in memory is not measured with what comes after.
 *
 *   bun scripts/bench-build.ts --data-dir DIR --dockets N [--per-docket 1] [--record-bytes 16]
 *     [--connection URL --schema NAME]
 *
 * Prints one JSON object: {registerId, seconds}.
 */
import { parseArgs } from "node:util";
import * as book from "../src/peers/book.ts";
import { loadIdentity } from "../src/peers/identity.ts";
import * as post from "../src/peers/post.ts";
import * as feed from "../src/registers/feed.ts";
import * as heads from "../src/registers/heads.ts";
import { makeRoad } from "../src/replication/road.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { openDataDir } from "../src/runtime/data-dir.ts";
import * as logHolder from "../src/runtime/log.ts";
import * as origin from "../src/sealing/origin.ts";
import { migrate } from "../src/store/migrate.ts";
import * as store from "../src/store/sql.ts";
import * as workers from "../src/workers/pool.ts";

const { values } = parseArgs({
  options: {
    "data-dir": { type: "string", default: "" },
    dockets: { type: "string", default: "100000" },
    "per-docket": { type: "string", default: "1" },
    "record-bytes": { type: "string", default: "16" },
    connection: { type: "string" },
    schema: { type: "string", default: "peer" },
  },
});
const dockets = Number(values.dockets);
const perDocket = Number(values["per-docket"]);
const recordBytes = Number(values["record-bytes"]);
const filler = "0123456789abcdef".repeat(Math.ceil(recordBytes / 16));
const linesAtOnce = 5_000;

const dataDir = await openDataDir(values["data-dir"]);
const identity = await loadIdentity(dataDir, "bench-origin");
logHolder.open({ level: "error", nodeId: identity.nodeId, traceId: () => null });
await store.open({
  connection: values.connection,
  schema: values.schema,
  poolSize: 4,
  dataDir: dataDir.path,
  embeddedThreadUrl: new URL("../src/store/embedded-thread.ts", import.meta.url),
});
await migrate();
await heads.open();
feed.open();
workers.open({ threadUrl: null, count: 0 });
// Nobody is written to: the sealer only wants to know where it would be.
const { nowMs } = systemClock;
book.open(new book.Book({ ownId: identity.nodeId, nowMs, isGenuine: () => false }));
post.open({ identity, relay: false, relayVia: [], clock: systemClock });
const road = makeRoad({ clock: systemClock, verifyTransactions: "none", acceptUnsealed: false });
await origin.open({
  nodeId: identity.nodeId,
  signer: identity.signer,
  sealCount: perDocket,
  sealMs: 5,
  clock: systemClock,
  takeIn: road.takeIn,
  sealRoundMs: 1_000,
  sealFor: [],
  wake: () => {},
  keepUp: async () => {},
  groupOf: () => null,
  deliver: () => Promise.reject(new Error("There are no other validators")),
  acceptTransactions: false,
  maxRetries: 1,
});

const startMs = performance.now();
const { registerId } = await origin.createRegister({ name: "long" });
const records = (dockets - 1) * perDocket;
for (let first = 1; first <= records; first += linesAtOnce) {
  const count = Math.min(linesAtOnce, records - first + 1);
  const lines = Array.from({ length: count }, (_, index) => lineOf(first + index));
  await origin.importRecords({ registerId, importId: "bench", firstLine: first, lines });
  if ((first - 1) % 100_000 === 0 && first > 1) console.error(`  ${first - 1} records`);
}
const seconds = (performance.now() - startMs) / 1_000;
await origin.close();
feed.close();
heads.close();
await workers.close();
await store.close();
dataDir.release();
console.log(JSON.stringify({ registerId, seconds: Number(seconds.toFixed(2)) }));
process.exit(0);

function lineOf(number: number): string {
  if (recordBytes < 32) return `{"n":${number}}`;
  const head = `{"n":${number},"text":"`;
  return `${head}${filler.slice(0, recordBytes - head.length - 2)}"}`;
}
