/**
 * Loaded into a benchmarked node before it starts (`--preload`): writes how long its event loop was
 * held up, a line `unix-ms longest-ms longest-own-ms` every tenth of a second, to the file that
 * BENCH_LAG_FILE names. The own part leaves out the time in which the thread could have run and
 * had no core: on a machine whose cores are all taken that is most of it, and no code can mend it.
 */
import { appendFileSync, openSync, readSync } from "node:fs";

const file = process.env.BENCH_LAG_FILE;
if (file !== undefined) {
  const waitedMs = coreWaitOf("/proc/thread-self/schedstat");
  let last = { atMs: performance.now(), waitedMs: waitedMs() };
  let longestMs = 0;
  let longestOwnMs = 0;
  setInterval(() => {
    const now = { atMs: performance.now(), waitedMs: waitedMs() };
    const turnMs = now.atMs - last.atMs;
    longestMs = Math.max(longestMs, turnMs);
    longestOwnMs = Math.max(longestOwnMs, turnMs - (now.waitedMs - last.waitedMs));
    last = now;
  }, 5).unref();
  setInterval(() => {
    appendFileSync(file, `${Date.now()} ${longestMs} ${longestOwnMs}\n`);
    longestMs = 0;
    longestOwnMs = 0;
  }, 100).unref();
}

/** How long this thread has waited for a core so far, ms; always 0 where the system doesn't say. */
function coreWaitOf(path: string): () => number {
  try {
    const opened = openSync(path, "r");
    const bytes = Buffer.alloc(128);
    return () => {
      const length = readSync(opened, bytes, 0, bytes.length, 0);
      return Number(bytes.toString("latin1", 0, length).split(" ")[1] ?? 0) / 1e6;
    };
  } catch {
    return () => 0;
  }
}
