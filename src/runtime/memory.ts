/**
 * Owns how soon memory that documents passed through is given back. Left alone, the engine collects
 * when its heap has doubled, and counts the whole machine as its own: pages of a megabyte that were
 * long stored stayed in memory by the hundred (measured: 136 MiB of them, of which 25 were used).
 * Called by whoever has handled documents. Most of what they leave is young and found by looking at
 * the young alone, which takes a few ms; a look at everything takes some 20 ms of processor time,
 * however little it finds, and was an eighth of a catch-up's when each collection was one.
 */
import { edenGC, fullGC } from "bun:jsc";
import { systemClock } from "./clock.ts";
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
  const nowMs = systemClock.monotonicMs();
  // What is live goes on meanwhile: nobody waits, which is worth more there than that all is found.
  if (nowMs - collectedMs > calmMs) Bun.gc(false);
  else if (collections % collectionsOfAll === 0) fullGC();
  else edenGC();
  collectedMs = nowMs;
}

/** So much is handled within less while a register is caught up with, and hardly ever live. */
const calmMs = 2_000;

/** One in so many looks at everything: pages that wait for their turn grow old meanwhile. */
const collectionsOfAll = 4;
