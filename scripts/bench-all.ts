/**
 * All figures that the project promises (P1–P12), one benchmark after the other, as one table or,
 * with `--json`, as one object. Short rounds: about a quarter of an hour once the long registers
 * are built; each by itself can be run for longer. `--only` runs those whose command has the word,
 * so that all of it can be had in pieces.
 *
 *   bun run bench [all] [--dockets 100000] [--only WORD] [--json]
 */
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    dockets: { type: "string", default: "100000" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});

/** One line of the table. */
interface Figure {
  id: string;
  what: string;
  value: string;
  ceiling: string;
  target: string;
  isMet: boolean;
  command: string;
}

// biome-ignore lint/suspicious/noExplicitAny: each benchmark prints an object of its own shape.
type Printed = any;

interface Step {
  command: string;
  figures(printed: Printed): Omit<Figure, "command">[];
}

const steps: Step[] = [
  { command: "catch-up --records 40000 --rounds 5", figures: catchUpFigures },
  { command: "sources --rounds 5", figures: sourcesFigures },
  { command: "rtt --rounds 5", figures: rttFigures },
  { command: "live --store postgres", figures: liveFigures },
  { command: "live --store embedded", figures: liveFigures },
  { command: `large --dockets ${values.dockets} --store postgres`, figures: largeFigures },
  { command: `large --dockets ${values.dockets} --store embedded`, figures: largeFigures },
  { command: "registers --registers 1000 --store postgres", figures: registersFigures },
  { command: "audit --store postgres", figures: auditFigures },
  { command: "audit --store embedded", figures: auditFigures },
  { command: "gossip", figures: gossipFigures },
  { command: "threshold --rounds 200", figures: thresholdFigures },
  { command: "beside", figures: besideFigures },
];

const figures: Figure[] = [];
const failed: string[] = [];
const chosen = steps.filter(({ command }) => command.includes(values.only));
if (chosen.length === 0) throw new Error(`No benchmark has ${values.only} in its command`);
for (const step of chosen) {
  console.error(`bun run bench ${step.command}`);
  const printed = await run(step.command.split(" "));
  if (printed === null) failed.push(step.command);
  else figures.push(...step.figures(printed).map((one) => ({ ...one, command: step.command })));
}
const machine = `${navigator.hardwareConcurrency} cores, Bun ${Bun.version}`;
if (values.json) console.log(JSON.stringify({ machine, figures, failed }));
else print();
process.exit(failed.length === 0 ? 0 : 1);

/** The object that it prints last, or null when it failed; a missed target is no failure. */
async function run([name = "", ...options]: string[]): Promise<Printed> {
  const script = new URL(`./bench-${name}.ts`, import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script, ...options, "--json"], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const lines = (await new Response(child.stdout).text()).trim().split("\n");
  await child.exited;
  try {
    return JSON.parse(lines.at(-1) ?? "");
  } catch {
    return null;
  }
}

function catchUpFigures({ rows, ratios }: Printed) {
  const rate = (what: string) =>
    rows.find((row: Printed) => row.what === what)?.transactionsPerSecond ?? 0;
  const figure = (id: string, of: { what: string; value: string; ceiling: string }) => {
    const [key = "", ratio = null] =
      Object.entries<Printed>(ratios).find(([name]) => name.startsWith(id)) ?? [];
    const percent = ratio?.percent ?? 0;
    const target = id === "P2" ? 50 : 60;
    const value = `${shown(rate(of.value))} tx/s, ${percent} %`;
    const ceiling = `${shown(rate(of.ceiling))} tx/s${key.includes("smaller") ? " verified" : ""}`;
    const { what } = of;
    return { id, what, value, ceiling, target: `≥ ${target} %`, isMet: percent >= target };
  };
  return [
    figure("P1", {
      what: "verified catch-up, no database",
      value: "catch-up without a store",
      ceiling: "verify, all threads",
    }),
    figure("P2", {
      what: "verified and durable, PostgreSQL, of plain COPY",
      value: "catch-up, verified and durable, postgres",
      ceiling: "plain COPY, postgres",
    }),
    figure("P3", {
      what: "verified and durable, embedded, of the store alone",
      value: "catch-up, verified and durable, embedded",
      ceiling: "store alone, embedded",
    }),
  ];
}

function sourcesFigures(printed: Printed) {
  const { fourOfOne, lossFrozenPercent, lossSlowPercent } = printed;
  const loss = Math.max(lossFrozenPercent, lossSlowPercent);
  return [
    {
      id: "P4",
      what: "four equal, capped sources; the loss to a frozen or slow fourth",
      value: `${fourOfOne} ×; ${lossFrozenPercent} %, ${lossSlowPercent} %`,
      ceiling: "4 ×; 0 %",
      target: "≥ 3.6 ×; ≤ 15 %",
      isMet: fourOfOne >= 3.6 && loss <= 15,
    },
  ];
}

function rttFigures({ megabytesPerSecond: rates, percent }: Printed) {
  return [
    {
      id: "P5",
      what: "one source, 100 ms round trip",
      value: `${rates.far} MB/s, ${percent} %`,
      ceiling: `${rates.near} MB/s without the delay`,
      target: "≥ 50 MB/s or 80 %",
      isMet: rates.far >= 50 || percent >= 80,
    },
  ];
}

function liveFigures({ store, perHop, ceiling, isMet }: Printed) {
  const hops = perHop.map((hop: Printed) => `${hop.p50} / ${hop.p99}`).join(", ");
  const { call, commit } = ceiling;
  return [
    {
      id: "P6",
      what: `live, ms a hop over three hops, p50 / p99 (${store})`,
      value: hops,
      ceiling: `call ${call.p50} / ${call.p99}, commit ${commit.p50} / ${commit.p99}`,
      target: "≤ 5 / ≤ 25 ms",
      isMet,
    },
  ];
}

function largeFigures({ store, dockets, startMs, catchUp, memory, targets }: Printed) {
  const { highestMb, databaseMb } = memory.target;
  const beside = highestMb - databaseMb;
  const of = `${shown(dockets)} dockets, ${store}`;
  return [
    {
      id: "P7",
      what: `memory of a replica that catches up ${of}`,
      value: `${beside} MiB${databaseMb > 0 ? ` beside the database's ${databaseMb}` : ""}`,
      ceiling: "–",
      target: `≤ ${targets.memoryMb} MB`,
      isMet: beside <= targets.memoryMb,
    },
    {
      id: "P8",
      what: `start to serving on a store of ${of}`,
      value: `${startMs} ms`,
      ceiling: "–",
      target: `≤ ${targets.startMs} ms`,
      isMet: startMs <= targets.startMs,
    },
    {
      id: "P12",
      what: `throughput at the end of ${of}, of that at 10,000`,
      value: `${shown(catchUp.large)} dockets/s, ${catchUp.percent} %`,
      ceiling: `${shown(catchUp.small)} dockets/s`,
      target: `≥ ${targets.percent} %`,
      isMet: catchUp.percent >= targets.percent,
    },
  ];
}

function registersFigures({ store, registers, memory, isMet }: Printed) {
  const { source, target } = memory;
  return [
    {
      id: "P7",
      what: `memory with ${registers} registers, ${store}: source, follower`,
      value: `${source.highestMb}, ${target.highestMb} MiB`,
      ceiling: "–",
      target: "≤ 250 MB",
      isMet,
    },
  ];
}

function auditFigures({ store, transactionsPerSecond, ceiling, percent, isMet }: Printed) {
  return [
    {
      id: "P9",
      what: `audit of a stored register, ${store}`,
      value: `${shown(transactionsPerSecond)} tx/s, ${percent} %`,
      ceiling: `${shown(ceiling)} tx/s verified`,
      target: "≥ 100,000 tx/s",
      isMet,
    },
  ];
}

function gossipFigures({ results }: Printed) {
  return results.map((one: Printed) => ({
    id: "P10",
    what: `all of ${one.nodes} nodes know, p99${one.loss === 0 ? "" : ", with loss and dead"}`,
    value: `${one.p99} rounds, ${one.bodies} bodies a node`,
    ceiling: `p50 ${one.p50}`,
    target: `≤ ${one.target} rounds`,
    isMet: one.p99 <= one.target,
  }));
}

function thresholdFigures({ threshold, memberCount, group, single, isMet }: Printed) {
  return [
    {
      id: "P11",
      what: `group signature, ${threshold} of ${memberCount}: p50 / p99`,
      value: `${group.p50Ms} / ${group.p99Ms} ms`,
      ceiling: `one Ed25519 seal ${single.p50Ms} / ${single.p99Ms} ms`,
      target: "p99 ≤ 150 ms",
      isMet,
    },
  ];
}

function besideFigures({ rows, ratios, isMet }: Printed) {
  const list = rows.map((row: Printed) => `${row.what} ${shown(row.recordsPerSecond)}`);
  const [times] = Object.values<number | null>(ratios);
  return [
    {
      id: "P2",
      what: "verified and durable, PostgreSQL, of hypercore; records/s",
      value: `${times ?? "–"} ×`,
      ceiling: list.join("; "),
      target: "≥ 5 ×",
      isMet,
    },
  ];
}

function print(): void {
  console.log(`\n${machine}\n`);
  console.log("| # | what | value | ceiling | target | met | bun run bench … |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const { id, what, value, ceiling, target, isMet, command } of figures) {
    const met = isMet ? "yes" : "no";
    console.log(
      `| ${id} | ${what} | ${value} | ${ceiling} | ${target} | ${met} | \`${command}\` |`,
    );
  }
  for (const command of failed) console.log(`\nfailed: bun run bench ${command}`);
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
