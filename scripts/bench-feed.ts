/**
 * Loaded into a benchmarked node before it starts (`--preload`): notes when each docket was stored,
 * a line `number sealed-ms stored-ms` of unix milliseconds, in the file that BENCH_FEED_FILE names.
 * It reads the feed that the node's own streams read, in the same process, so that measuring costs
 * a few microseconds a docket and no call over the network.
 */
import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import * as feed from "../src/registers/feed.ts";

const file = process.env.BENCH_FEED_FILE;
if (file !== undefined && isMainThread) {
  let lines: string[] = [];
  const listen = async (events: feed.Follower) => {
    for await (const event of events) {
      const nowMs = performance.timeOrigin + performance.now();
      for (let number = event.firstNumber; number <= event.number; number += 1) {
        lines.push(`${number} ${event.timeMs} ${nowMs.toFixed(3)}\n`);
      }
    }
  };
  // The feed is opened by the node a moment from now.
  const waiting = setInterval(() => {
    try {
      const { signal } = new AbortController();
      listen(feed.follow({ signal, backlog: 100_000 })).catch(() => {});
      clearInterval(waiting);
    } catch {
      // Not open yet.
    }
  }, 5);
  setInterval(() => {
    if (lines.length > 0) appendFileSync(file, lines.join(""));
    lines = [];
  }, 500).unref();
}
