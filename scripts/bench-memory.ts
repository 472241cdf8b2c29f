/** What a benchmarked node's process has resident and has used, read from outside. Linux only. */
import { readFileSync } from "node:fs";
import type { BenchNode } from "./bench-node.ts";

/** MiB. */
export interface Memory {
  nowMb: number;
  highestMb: number;
  /** Of `nowMb`, the embedded database's own; 0 where the database is another process. */
  databaseMb: number;
}

export function memoryOf(node: BenchNode): Memory {
  const status = readFileSync(`/proc/${node.child.pid}/status`, "utf8");
  const mb = (name: string) => {
    const match = new RegExp(`${name}:\\s+(\\d+) kB`).exec(status);
    return Math.round(Number(match?.[1] ?? 0) / 1024);
  };
  return { nowMb: mb("VmRSS"), highestMb: mb("VmHWM"), databaseMb: databaseMb(node) };
}

/** Processor time of all its threads, so far. */
export function processorMs({ child }: BenchNode): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** The highest from here on. */
export function forgetHighest(node: BenchNode): void {
  Bun.spawnSync(["sh", "-c", `echo 5 > /proc/${node.child.pid}/clear_refs`]);
}

export function shownMemory({ nowMb, highestMb, databaseMb }: Memory): string {
  const own = databaseMb === 0 ? "" : `, of it the database ${databaseMb}`;
  return `${nowMb} MiB, at most ${highestMb}${own}`;
}

/**
 * The linear memory of PGlite is one mapping of its own: larger than any other of the process but
 * for the allocator's reserve, and there only where the database is embedded.
 */
function databaseMb(node: BenchNode): number {
  let size = 0;
  for (const line of readFileSync(`/proc/${node.child.pid}/smaps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0\s*$/.exec(line);
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      const [from, to] = [range?.[1] ?? "0", range?.[2] ?? "0"];
      size = (Number.parseInt(to, 16) - Number.parseInt(from, 16)) / 2 ** 20;
    }
    const resident = /^Rss:\s+(\d+) kB/.exec(line);
    const isIt = size >= 128 && size <= 512;
    if (resident !== null && isIt) return Math.round(Number(resident[1]) / 1024);
  }
  return 0;
}
