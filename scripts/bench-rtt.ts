/**
 * P5: one source at the end of a long road. A line adds the round trip; over it the register comes
 * by the node's own catch-up, verified, not stored. The ceiling is the same line without
 * the delay.
 *
 *   bun run bench rtt [--rtt 100] [--records 60000] [--rounds 5] [--json]
 */
import * as workers from "../src/workers/pool.ts";
import { medianOf, spreadOf } from "./bench-figures.ts";
import { Line } from "./bench-line.ts";
import { end } from "./bench-node.ts";
import { openSource } from "./bench-reader.ts";

const records = Number(argument("--records") ?? 60_000);
const rounds = Number(argument("--rounds") ?? 5);
const rttMs = Number(argument("--rtt") ?? 100);
const isJson = process.argv.includes("--json");
const megabytes: Record<"near" | "far", number[]> = { near: [], far: [] };
let lagMs = 0;

try {
  await bench();
  report();
} finally {
  end();
}
process.exit(0);

async function bench(): Promise<void> {
  const { source, read } = await openSource({ records, threadCount: 2 });
  for (let round = 1; round <= rounds; round += 1) {
    if (!isJson) console.error(`round ${round} of ${rounds}`);
    for (const kind of ["near", "far"] as const) {
      const line = await Line.open(source.grpcAddress);
      line.delayMs = kind === "far" ? rttMs / 2 : 0;
      const reading = await read([line.address]);
      megabytes[kind].push(reading.bytes / 1e3 / reading.ms);
      if (kind === "far") lagMs = Math.max(lagMs, reading.lagMs);
      line.close();
    }
  }
  await workers.close();
}

function report(): void {
  const median = {
    near: Math.round(medianOf(megabytes.near)),
    far: Math.round(medianOf(megabytes.far)),
  };
  const percent = Math.round((medianOf(megabytes.far) / medianOf(megabytes.near)) * 100);
  if (isJson) {
    console.log(JSON.stringify({ records, rounds, rttMs, megabytesPerSecond: median, percent }));
    return;
  }
  console.log(`\nP5: one source, ${rttMs} ms round trip, ${records} records, ${rounds} rounds\n`);
  const row = (what: string, kind: keyof typeof median) => {
    const rate = String(median[kind]).padStart(5);
    console.log(`${what.padEnd(46)} ${rate} MB/s  ± ${spreadOf(megabytes[kind])} %`);
  };
  row("verified catch-up over the line, no delay", "near");
  row(`verified catch-up, ${rttMs} ms round trip`, "far");
  console.log(
    `\nP5 of the same without delay  ${percent} %; event loop held up at most ${Math.round(lagMs)} ms`,
  );
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
