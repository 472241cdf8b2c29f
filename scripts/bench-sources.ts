/**
 * P4: four equal sources against one, and what a bad fourth costs. Every source is the same node
 * behind a line of its own that carries only so much, so that the lines are what limits. Verified,
 * not stored. The loss of a bad fourth is told against three good ones alone.
 *
 *   bun run bench sources [--records 20000] [--rounds 5] [--cap 4] [--json]
 */

import * as workers from "../src/workers/pool.ts";
import { medianOf, spreadOf } from "./bench-figures.ts";
import { Line } from "./bench-line.ts";
import { end } from "./bench-node.ts";
import { openSource } from "./bench-reader.ts";

const records = Number(argument("--records") ?? 20_000);
const rounds = Number(argument("--rounds") ?? 5);
/** MB/s of a line. */
const cap = Number(argument("--cap") ?? 4);
const isJson = process.argv.includes("--json");

const cases: Record<string, { count: number; fourth?: (line: Line) => void }> = {
  "one source": { count: 1 },
  "three sources": { count: 3 },
  "four sources": { count: 4 },
  "four, one frozen after a second": {
    count: 4,
    fourth: (line) => {
      setTimeout(() => {
        line.isFrozen = true;
      }, 1_000);
    },
  },
  "four, one at 1 % of its speed": {
    count: 4,
    fourth: (line) => {
      line.bytesPerSecond = cap * 1e4;
    },
  },
};
const megabytes: Record<string, number[]> = {};

try {
  await bench();
  report();
} finally {
  end();
}
process.exit(0);

async function bench(): Promise<void> {
  const { source, read } = await openSource({ records, threadCount: 1 });
  for (let round = 1; round <= rounds; round += 1) {
    if (!isJson) console.error(`round ${round} of ${rounds}`);
    for (const [name, { count, fourth }] of Object.entries(cases)) {
      const lines: Line[] = [];
      for (let index = 0; index < count; index += 1) {
        const line = await Line.open(source.grpcAddress);
        line.bytesPerSecond = cap * 1e6;
        lines.push(line);
      }
      if (lines[3] !== undefined) fourth?.(lines[3]);
      const reading = await read(lines.map((line) => line.address));
      megabytes[name] ??= [];
      megabytes[name].push(reading.bytes / 1e3 / reading.ms);
      for (const line of lines) line.close();
    }
  }
  await workers.close();
}

function report(): void {
  const of = (name: string) => medianOf(megabytes[name] ?? []);
  const loss = (name: string) => Math.round((1 - of(name) / of("three sources")) * 100);
  const results = {
    fourOfOne: Number((of("four sources") / of("one source")).toFixed(2)),
    lossFrozenPercent: loss("four, one frozen after a second"),
    lossSlowPercent: loss("four, one at 1 % of its speed"),
  };
  if (isJson) {
    const rates = Object.fromEntries(Object.keys(cases).map((name) => [name, of(name)]));
    console.log(JSON.stringify({ records, rounds, cap, megabytesPerSecond: rates, ...results }));
    return;
  }
  console.log(`\nP4: lines of ${cap} MB/s, ${records} records of 512 bytes, ${rounds} rounds\n`);
  for (const name of Object.keys(cases)) {
    const rate = of(name).toFixed(1).padStart(6);
    console.log(`${name.padEnd(34)} ${rate} MB/s  ± ${spreadOf(megabytes[name] ?? [])} %`);
  }
  console.log(`\nP4 four of one              ${results.fourOfOne} ×`);
  console.log(`P4 lost to a frozen fourth  ${results.lossFrozenPercent} % of three`);
  console.log(`P4 lost to a slow fourth    ${results.lossSlowPercent} % of three`);
}

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
