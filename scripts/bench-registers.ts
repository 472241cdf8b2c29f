/**
 * P7 with many registers: one node follows a thousand registers of another, all of which then grow
 * by a docket. Memory of both.
 *
 *   bun run bench registers [--registers 1000] [--store postgres|embedded] [--json]
 */
import { parseArgs } from "node:util";
import { dropSchemas, environmentIn } from "./bench-data.ts";
import { stopwatch } from "./bench-figures.ts";
import { memoryOf, shownMemory } from "./bench-memory.ts";
import { end, get, isWhole, post, startNode, stopNode, subscribeTo, until } from "./bench-node.ts";
import { findTestDatabase } from "./test-database.ts";

const { values } = parseArgs({
  options: {
    registers: { type: "string", default: "1000" },
    store: { type: "string", default: "postgres" },
    json: { type: "boolean", default: false },
  },
});
const targetMb = 250;

const database = await findTestDatabase(process.env.TEST_DATABASE_URL);
const url = values.store === "postgres" ? database.url : null;
if (values.store === "postgres" && url === null) throw new Error("There is no PostgreSQL here");
try {
  const result = await measureRegisters(Number(values.registers));
  if (values.json) console.log(JSON.stringify(result));
} finally {
  end();
  await dropSchemas(url);
  database.stop();
}
process.exit(0);

/** Many registers of one docket, followed by one node from one source; then each grows by one. */
async function measureRegisters(registers: number) {
  say(`\n${registers} registers followed by one node (${values.store})`);
  const source = await startNode("many-source", { environment: environmentIn(url, "many-source") });
  const ids: string[] = [];
  for (let index = 0; index < registers; index += 1) {
    const body = { name: `register ${index}` };
    ids.push(
      (await post<{ registerId: string }>(source, { path: "/api/registers", body })).registerId,
    );
  }
  const target = await startNode("many-target", {
    environment: environmentIn(url, "many-target"),
    seed: source,
  });
  const took = stopwatch();
  for (const registerId of ids) await subscribeTo(target, registerId);
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
  show("memory of the source (P7)", shownMemory(memory.source));
  show("memory of the follower (P7)", shownMemory(memory.target));
  await stopNode(target);
  await stopNode(source);
  const isMet = Math.max(memory.source.highestMb, memory.target.highestMb) <= targetMb;
  const { store } = values;
  return {
    name: "P7",
    store,
    registers,
    wholeSeconds,
    grownSeconds,
    arrivedSeconds,
    memory,
    isMet,
  };
}

function show(what: string, value: string): void {
  say(`${what.padEnd(42)} ${value}`);
}

function say(line: string): void {
  if (values.json) console.error(line);
  else console.log(line);
}
