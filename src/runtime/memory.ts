/**
 * Owns how soon memory that documents passed through is given back. Left alone, the engine collects
 * when its heap has doubled, and counts the whole machine as its own: pages of a megabyte that were
 * long stored stayed in memory by the hundred (measured: 136 MiB of them, of which 25 were used).
 * Called by whoever has handled documents. Most of what they leave is young and found by looking at
 * the young alone, which takes a few ms; a look at everything takes some 20 ms of processor time,
 * however little it finds, and was an eighth of a catch-up's when each collection was one.
 */
import { edenGC, fullGC } from "bun:jsc";
import { every, systemClock } from "./clock.ts";
import { limits } from "./limits.ts";

let handledBytes = 0;
let collectedMs = 0;
let collections = 0;

/** So many bytes of documents were handled and are of no more use, but for what caches keep. */
export function handled(bytes: number): void {
  handledBytes += bytes;
  if (handledBytes < limits.collectEveryBytes) return;
  handledBytes = 0;
  collections += 1;
  collect(collections % collectionsOfAll === 0 ? fullGC : edenGC);
}

/**
 * Collects whenever the process has grown by a little, until the returned function is called. What
 * many registers leave behind that begin at once is no documents; left alone it doubles the heap,
 * and what stays lies scattered in it, so that it never shrinks again. Measured with a thousand of
 * them: some 300 MiB at most instead of 406. A process that does not grow costs a look.
 */
export function watchGrowth(): () => Promise<void> {
  let heldBytes = process.memoryUsage.rss();
  const tick = async () => {
    const bytes = process.memoryUsage.rss();
    heldBytes = Math.min(heldBytes, bytes);
    if (bytes - heldBytes < limits.collectEveryBytes) return;
    collect(fullGC);
    heldBytes = process.memoryUsage.rss();
  };
  return every(growthLookMs, { clock: systemClock, tick }).stop;
}

/** What is live goes on meanwhile: that nobody waits is worth more there than that all is found. */
function collect(now: () => void): void {
  const nowMs = systemClock.monotonicMs();
  if (nowMs - collectedMs > calmMs) Bun.gc(false);
  else now();
  collectedMs = nowMs;
}

/** So much is handled within less while a register is caught up with, and hardly ever live. */
const calmMs = 2_000;

/** One in so many looks at everything: pages that wait for their turn grow old meanwhile. */
const collectionsOfAll = 4;

const growthLookMs = 250;
