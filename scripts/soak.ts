/**
 * Three nodes (origin → source → target), records that flow in all the time, and `kill -9` at
 * random moments of the target, the source, the origin while it seals, and the database. After
 * each kill what was killed is started again. While it runs no head may go back and no two nodes
 * may differ; at the end every replica must equal the origin, every acknowledged record must be
 * there once, and no record twice. Ends by itself; 0 when all of that held.
 *
 *   bun run soak [--kills 200] [--minutes 60] [--seed N] [--store postgres|embedded] [--json]
 */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededDice } from "../src/base/prng.ts";
import { SoakDatabase } from "./soak-database.ts";
import { Flow, Watch } from "./soak-flow.ts";
import { SoakNode } from "./soak-node.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    minutes: { type: "string", default: "60" },
    seed: { type: "string" },
    store: { type: "string", default: "embedded" },
    json: { type: "boolean", default: false },
  },
});
const kills = Number(values.kills);
/** When the time is over, or it is told to stop, the killing ends and the copies are compared. */
const endMs = Date.now() + Number(values.minutes) * 60_000;
let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stopKilling);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const roll = seededDice(seed);
/** A start takes up to a second, and so does what follows: a kill may fall into either. */
const longestLifeMs = 1_500;
const settleMs = 90_000;

function stopKilling(): void {
  isStopping = true;
}

interface Victim {
  name: string;
  kill: () => Promise<void>;
  restart: () => void | Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-soak-"));
const database = values.store === "postgres" ? await SoakDatabase.make() : null;
const nodes: SoakNode[] = [];
let isWell = false;
try {
  if (values.store === "postgres" && database === null) throw new Error("No PostgreSQL here");
  say(`seed ${seed}, ${kills} kills, ${values.store}`);
  isWell = await soak();
} catch (thrown) {
  say(`The soak broke: ${thrown instanceof Error ? thrown.message : thrown}`);
} finally {
  for (const node of nodes) await node.kill();
  await database?.remove();
  if (isWell) rmSync(folder, { recursive: true, force: true });
  else say(`Logs and data are left in ${folder}`);
}
process.exit(isWell ? 0 : 1);

async function soak(): Promise<boolean> {
  const origin = await startNode("origin", []);
  const source = await startNode("source", [origin]);
  const target = await startNode("target", [source]);
  const registerId = await makeRegister(origin, [source, target]);
  const flow = new Flow(origin, registerId);
  const hashes = new Map<number, string>();
  const watches = nodes.map((node) => new Watch(node, { registerId, hashes }));
  for (const part of [flow, ...watches]) part.start();
  const counts = await killAll(nodes.map(victimOf), watches);
  for (const node of nodes) await node.ready();
  await flow.stop();
  await settled(registerId);
  for (const watch of watches) await watch.stop();
  const wrongs = watches.flatMap((watch) => watch.wrongs);
  const copies = await Promise.all(nodes.map((node) => exported(node, registerId)));
  wrongs.push(...differences(copies), ...recordFaults(copies[0]?.records ?? [], flow));
  for (const node of [source, target]) wrongs.push(...backwards(node));
  report({ counts, wrongs, flow, watches, copies });
  return wrongs.length === 0;
}

async function startNode(name: string, seeds: readonly SoakNode[]): Promise<SoakNode> {
  const environment: Record<string, string> =
    database === null
      ? {}
      : { PEER_DB_CONNECTION: database.url, PEER_DB_SCHEMA: name, PEER_DB_POOL_SIZE: "4" };
  const node = new SoakNode({ name, folder, seeds, environment });
  mkdirSync(node.dataDir, { mode: 0o700 });
  nodes.push(node);
  await node.ready();
  await node.makeToken();
  return node;
}

async function makeRegister(origin: SoakNode, replicas: readonly SoakNode[]): Promise<string> {
  const made = await origin.post<{ registerId: string; genesisHash: string }>("/api/registers", {
    name: "soak",
  });
  if (made === null) throw new Error("The origin does not make a register");
  const { registerId, genesisHash } = made;
  for (const node of replicas) {
    const body = { mode: "full-replica", genesisHash };
    if ((await node.post(`/api/registers/${registerId}/subscribe`, body)) === null) {
      throw new Error(`${node.name} does not subscribe`);
    }
  }
  return registerId;
}

function victimOf(node: SoakNode): Victim {
  return { name: node.name, kill: () => node.kill(), restart: () => node.spawn() };
}

/** Kills one after another; now and then the next before the last is ready again. */
async function killAll(
  victims: readonly Victim[],
  watches: readonly Watch[],
): Promise<Record<string, number>> {
  const all = [...victims];
  if (database !== null) {
    const { kill, start } = { kill: () => database.kill(), start: () => database.start() };
    all.push({ name: "database", kill, restart: start });
  }
  const counts: Record<string, number> = Object.fromEntries(all.map(({ name }) => [name, 0]));
  for (let kill = 1; kill <= kills && !isStopping && Date.now() < endMs; kill += 1) {
    await Bun.sleep(roll() * longestLifeMs);
    const victim = all[Math.floor(roll() * all.length)] as Victim;
    counts[victim.name] = (counts[victim.name] ?? 0) + 1;
    await victim.kill();
    await Bun.sleep(roll() * 200);
    await victim.restart();
    if (roll() < 0.7) for (const node of nodes) await node.ready();
    const wrong = watches.flatMap((watch) => watch.wrongs)[0];
    if (wrong !== undefined) throw new Error(`after ${kill} kills, ${wrong}`);
    if (kill % 10 === 0) say(`${kill} kills; ${await headsNow()}`);
  }
  return counts;
}

async function headsNow(): Promise<string> {
  const rows = nodes.map(async (node) => {
    const [register] = (await node.get<{ headDocketNumber: number }[]>("/api/registers")) ?? [];
    return `${node.name} at docket ${register?.headDocketNumber ?? "?"}`;
  });
  return (await Promise.all(rows)).join(", ");
}

/** Until nothing waits to be sealed and every replica has the origin's head. */
async function settled(registerId: string): Promise<void> {
  for (const endMs = Date.now() + settleMs; Date.now() < endMs; await Bun.sleep(100)) {
    const health = await nodes[0]?.get<{ metrics: { queueSize: number } }>("/api/health");
    const places = await Promise.all(nodes.map((node) => node.register(registerId)));
    const heads = new Set(places.map((place) => place?.headDocketHash));
    if (health?.metrics.queueSize === 0 && heads.size === 1 && places[0] !== null) return;
  }
  throw new Error(`The nodes are not level after ${settleMs / 1_000} s: ${await headsNow()}`);
}

interface Copy {
  name: string;
  hash: string;
  dockets: number;
  records: string[];
}

/** Verified from genesis to head on the way. */
async function exported(node: SoakNode, registerId: string): Promise<Copy> {
  const words = ["export", registerId, "--format", "dockets", "--quiet"];
  const text = await node.command(words, ["--url", node.httpUrl]);
  const lines = text.trimEnd().split("\n");
  const records = lines.flatMap((line) =>
    (JSON.parse(line) as { transactions: string[] }).transactions.map(
      (transaction) => (JSON.parse(transaction) as { payloadJson: string }).payloadJson,
    ),
  );
  const hash = createHash("sha256").update(text).digest("hex");
  return { name: node.name, hash, dockets: lines.length, records };
}

function differences(copies: readonly Copy[]): string[] {
  const [first, ...others] = copies;
  const different = others.filter((copy) => copy.hash !== first?.hash);
  return different.map((copy) => `${copy.name} holds something else than the origin`);
}

function recordFaults(payloads: readonly string[], flow: Flow): string[] {
  const lines = new Map<number, number>();
  const singles = new Map<number, number>();
  for (const payload of payloads) {
    const { data } = JSON.parse(payload) as { data?: { line?: number; single?: number } };
    if (data?.line !== undefined) lines.set(data.line, (lines.get(data.line) ?? 0) + 1);
    if (data?.single !== undefined) singles.set(data.single, (singles.get(data.single) ?? 0) + 1);
  }
  const faults: string[] = [];
  for (let line = 1; line <= flow.importedLines; line += 1) {
    if (!lines.has(line)) faults.push(`line ${line} was acknowledged and is not there`);
  }
  for (const single of flow.acknowledged) {
    if (!singles.has(single)) faults.push(`record ${single} was acknowledged and is not there`);
  }
  for (const [what, counts] of [
    ["line", lines],
    ["record", singles],
  ] as const) {
    for (const [number, count] of counts) {
      if (count > 1) faults.push(`${what} ${number} is there ${count} times`);
    }
  }
  return faults;
}

/** A run of replication that began before an earlier one asked for what was durable. */
function backwards(node: SoakNode): string[] {
  const starts = node.takenUpAt();
  const at = starts.findIndex((start, index) => start < (starts[index - 1] ?? 0));
  return at < 0 ? [] : [`${node.name} asked for docket ${starts[at]} again`];
}

function report(found: {
  counts: Record<string, number>;
  wrongs: readonly string[];
  flow: Flow;
  watches: readonly Watch[];
  copies: readonly Copy[];
}): void {
  const { flow, wrongs } = found;
  const result = {
    store: values.store,
    seed,
    kills: found.counts,
    dockets: found.copies[0]?.dockets ?? 0,
    records: found.copies[0]?.records.length ?? 0,
    acknowledged: flow.importedLines + flow.acknowledged.size,
    unanswered: flow.unanswered.size,
    looks: found.watches.reduce((sum, watch) => sum + watch.looks, 0),
    wrongs,
  };
  for (const wrong of wrongs.slice(0, 20)) say(`WRONG: ${wrong}`);
  if (values.json) console.log(JSON.stringify(result));
  const each = Object.entries(found.counts).map(([name, count]) => `${name} ${count}`);
  const done = Object.values(found.counts).reduce((sum, count) => sum + count, 0);
  say(
    `${done} kills (${each.join(", ")}): ${result.dockets} dockets, ${result.records} records, ` +
      `${result.acknowledged} acknowledged, ${result.looks} looks, ${wrongs.length} wrong`,
  );
}

function say(line: string): void {
  if (values.json) console.error(line);
  else console.log(line);
}
