/**
 * P2 beside others: the same records (W2: 512 bytes, 100 a docket, batch or transaction) brought
 * from one process to another on this machine and stored there, all in one run: by this program,
 * verified, in PostgreSQL and embedded; by hypercore, verified against its signed tree; and by
 * PostgreSQL's logical replication, which verifies nothing, its first copy and its streaming.
 *
 *   bun run bench beside [--records 100000] [--rounds 5] [--json]
 *
 * Hypercore is installed from npm into a temporary folder at the first run and needs Node, which
 * its storage is made for; the two PostgreSQL servers are started from the installed binaries.
 * What is not there is left out and said.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Cluster, startCluster } from "./bench-cluster.ts";
import { longRegister } from "./bench-data.ts";
import { medianOf, spreadOf, stopwatch } from "./bench-figures.ts";
import {
  type BenchNode,
  end,
  hears,
  isWhole,
  post,
  startNode,
  stopNode,
  until,
} from "./bench-node.ts";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const perDocket = 100;
const recordBytes = 512;
const dockets = Math.ceil(Number(values.records) / perDocket) + 1;
const records = (dockets - 1) * perDocket;
const hypercoreVersion = "11.35.0";
const rates: Record<string, number[]> = {};
const leftOut: string[] = [];

const publisher = await startCluster();
const subscriber = await startCluster();
try {
  await bench();
  report();
} finally {
  end();
  await publisher?.stop();
  await subscriber?.stop();
}
process.exit(0);

async function bench(): Promise<void> {
  const register = await longRegister(null, { dockets, perDocket, recordBytes });
  const source = await startNode(register.name, { environment: register.environment });
  const hypercore = await startHypercore();
  if (publisher === null) leftOut.push("PostgreSQL: no server programs are installed here");
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    if (!values.json) console.error(`round ${round} of ${values.rounds}`);
    await replicate("sorcha-peer, embedded", { source, ...register, environment: {} });
    if (hypercore !== null) note("hypercore", await hypercore.bring());
    if (publisher === null || subscriber === null) continue;
    const schema = `sorcha_${round}`;
    const environment = { PEER_DB_CONNECTION: subscriber.url, PEER_DB_SCHEMA: schema };
    await replicate("sorcha-peer, PostgreSQL", { source, ...register, environment });
    await subscriber.sql.unsafe(`DROP SCHEMA ${schema} CASCADE`);
    await logical({ publisher, subscriber });
  }
  hypercore?.stop();
  await stopNode(source, { keep: true });
}

/** A fresh node brings the register here, from the subscription to whole, verified and durable. */
async function replicate(
  what: string,
  of: { source: BenchNode; registerId: string; environment: Record<string, string> },
): Promise<void> {
  const { source, registerId, environment } = of;
  const target = await startNode(`beside-${Bun.randomUUIDv7()}`, { environment, seed: source });
  await hears(target, registerId);
  const took = stopwatch();
  const path = `/api/registers/${registerId}/subscribe`;
  await post(target, { path, body: { mode: "full-replica" } });
  await until(() => isWhole(target));
  note(what, took());
  await stopNode(target);
}

interface HypercoreSource {
  /** Seconds that a fresh target needs. */
  bring(): Promise<number>;
  stop(): void;
}

async function startHypercore(): Promise<HypercoreSource | null> {
  const node = Bun.which("node");
  if (node === null) {
    leftOut.push("hypercore: its storage needs Node, which is not installed here");
    return null;
  }
  const folder = join(tmpdir(), `sorcha-peer-bench-hypercore-${hypercoreVersion}`);
  if (!existsSync(join(folder, "node_modules", "hypercore"))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{"private":true}');
    const added = Bun.spawnSync(
      [process.execPath, "add", "--exact", `hypercore@${hypercoreVersion}`],
      { cwd: folder, stdout: "ignore", stderr: "pipe" },
    );
    if (!added.success) {
      rmSync(folder, { recursive: true, force: true });
      leftOut.push(`hypercore could not be installed: ${added.stderr.toString().trim()}`);
      return null;
    }
  }
  const script = new URL("./bench-hypercore.mjs", import.meta.url).pathname;
  const shape = [`${records}`, `${recordBytes}`, `${perDocket}`];
  const source = Bun.spawn([node, script, "source", folder, ...shape], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = source.stdout.getReader();
  const { value } = await reader.read();
  const { port, key } = JSON.parse(new TextDecoder().decode(value));
  return {
    bring: async () => {
      const target = Bun.spawn([node, script, "target", folder, `${port}`, key], {
        stdout: "pipe",
        stderr: "inherit",
      });
      return JSON.parse(await new Response(target.stdout).text()).ms / 1_000;
    },
    stop: () => {
      source.kill();
      for (const store of new Bun.Glob("{source,target}-*").scanSync({
        cwd: folder,
        onlyFiles: false,
      })) {
        rmSync(join(folder, store), { recursive: true, force: true });
      }
    },
  };
}

/** The first copy of a table, then as many rows again as a stream of transactions. */
async function logical(of: { publisher: Cluster; subscriber: Cluster }): Promise<void> {
  const from = of.publisher.sql;
  const to = of.subscriber.sql;
  const table = "CREATE TABLE records (number bigint PRIMARY KEY, record bytea)";
  await from.unsafe(table);
  await to.unsafe(table);
  await from`ALTER TABLE records ALTER COLUMN record SET STORAGE EXTERNAL`;
  await insert(of.publisher, { first: 1 });
  await from`CREATE PUBLICATION records_out FOR TABLE records`;
  const copying = stopwatch();
  await to.unsafe(
    `CREATE SUBSCRIPTION records_in CONNECTION '${of.publisher.url}' PUBLICATION records_out`,
  );
  await until(async () => (await newest(of.subscriber)) === records);
  note("PostgreSQL logical replication, first copy", copying());
  await until(async () => {
    const [row] = await to`SELECT bool_and(srsubstate = 'r') AS ready FROM pg_subscription_rel`;
    return row?.ready === true;
  });
  await to`ALTER SUBSCRIPTION records_in DISABLE`;
  await insert(of.publisher, { first: records + 1 });
  const streaming = stopwatch();
  await to`ALTER SUBSCRIPTION records_in ENABLE`;
  await until(async () => (await newest(of.subscriber)) === 2 * records);
  note("PostgreSQL logical replication, streaming", streaming());
  await to`DROP SUBSCRIPTION records_in`;
  await from`DROP PUBLICATION records_out`;
  await from`DROP TABLE records`;
  await to`DROP TABLE records`;
}

/** In transactions of as many rows as a docket has records. */
async function insert({ sql }: Cluster, { first }: { first: number }): Promise<void> {
  await sql.unsafe(`
    DO $$ BEGIN
      FOR docket IN 0..${records / perDocket - 1} LOOP
        INSERT INTO records
          SELECT number, convert_to(rpad('{"n":' || number || ',"text":"', ${recordBytes - 2},
            '0123456789abcdef') || '"}', 'UTF8')
          FROM generate_series(${first} + docket * ${perDocket},
            ${first - 1} + (docket + 1) * ${perDocket}) AS number;
        COMMIT;
      END LOOP;
    END $$`);
}

async function newest({ sql }: Cluster): Promise<number> {
  const [row] = await sql`SELECT coalesce(max(number), 0)::int AS newest FROM records`;
  return row?.newest ?? 0;
}

function note(what: string, seconds: number): void {
  rates[what] ??= [];
  rates[what].push(records / seconds);
}

function report(): void {
  const rate = (what: string) => Math.round(medianOf(rates[what] ?? []));
  // Round by round: both sides of a round had the same machine.
  const times = (part: string, whole: string) => {
    const rounds = (rates[part] ?? []).map((one, round) => one / (rates[whole]?.[round] ?? 0));
    const known = rounds.filter(Number.isFinite);
    return known.length === 0 ? null : Number(medianOf(known).toFixed(1));
  };
  const rows = Object.entries(rates).map(([what, all]) => {
    return { what, recordsPerSecond: rate(what), spreadPercent: spreadOf(all) };
  });
  const overHypercore = times("sorcha-peer, PostgreSQL", "hypercore");
  const streaming = "PostgreSQL logical replication, streaming";
  const ratios = {
    "P2 PostgreSQL, times hypercore (asked for: 5)": overHypercore,
    "embedded, times hypercore": times("sorcha-peer, embedded", "hypercore"),
    "PostgreSQL, times logical streaming": times("sorcha-peer, PostgreSQL", streaming),
  };
  if (values.json) {
    const isMet = (overHypercore ?? 0) >= 5;
    console.log(JSON.stringify({ name: "beside", records, rows, ratios, leftOut, isMet }));
    return;
  }
  const shape = `${records} records of ${recordBytes} bytes, ${perDocket} at a time`;
  console.log(`\nSide by side: ${shape}, ${values.rounds} rounds\n`);
  for (const { what, recordsPerSecond, spreadPercent } of rows) {
    const shown = recordsPerSecond.toLocaleString("en").padStart(9);
    console.log(`${what.padEnd(44)} ${shown} /s  ± ${spreadPercent} %`);
  }
  console.log("");
  for (const [what, value] of Object.entries(ratios)) {
    if (value !== null) console.log(`${what.padEnd(48)} ${value.toFixed(1).padStart(5)} ×`);
  }
  for (const what of leftOut) console.log(`left out: ${what}`);
}
