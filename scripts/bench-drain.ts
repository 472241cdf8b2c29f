/**
 * A queue is drained after reconnect: records are submitted at a follower while its validator
 * stands still (SIGSTOP), which then goes on. Measures until the follower holds every docket and
 * its queue is empty, two processes on one machine. Says how far it is every few seconds.
 * Options: --count N (default 10,000), --json.
 */
import { get, post, startNode, stopNode, subscribeTo, until } from "./bench-node.ts";

const words = process.argv.slice(2);
const count = Number(words[words.indexOf("--count") + 1] || 10_000) || 10_000;
const inFlight = 32;

const environment = { PEER_WRITES_PER_MINUTE: "10000000", PEER_READS_PER_MINUTE: "10000000" };
const validator = await startNode("validator", { environment });
const follower = await startNode("follower", { environment, seed: validator });
const made = await post<{ registerId: string }>(validator, {
  ...{ path: "/api/registers", body: { name: "drain" } },
});
const { registerId } = made;
await subscribeTo(follower, registerId);
await until(async () => (await transactionsAt()) === 1);
validator.child.kill("SIGSTOP");
let next = 0;
const submittedMs = await timed(() =>
  Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) {
        next += 1;
        const path = `/api/registers/${registerId}/transactions`;
        await post(follower, { path, body: { data: { number: next } } });
      }
    }),
  ),
);
validator.child.kill("SIGCONT");
let toldMs = performance.now();
const drainedMs = await timed(() => until(isDrained));
await stopNode(follower);
await stopNode(validator);

const result = {
  bench: "drain",
  count,
  submittedPerSecond: Math.round((count / submittedMs) * 1_000),
  drainedMs: Math.round(drainedMs),
  drainedPerSecond: Math.round((count / drainedMs) * 1_000),
};
if (words.includes("--json")) console.log(JSON.stringify(result));
else {
  console.log(
    `${count} transactions submitted at a follower at ${result.submittedPerSecond}/s with the ` +
      `validator away; after its return all sealed, back and off the queue in ` +
      `${(drainedMs / 1_000).toFixed(1)} s: ${result.drainedPerSecond}/s`,
  );
}

async function isDrained(): Promise<boolean> {
  const left = await queued();
  if (performance.now() - toldMs > 5_000 && !words.includes("--json")) {
    toldMs = performance.now();
    console.log(`${left} of ${count} wait`);
  }
  return left === 0 && (await transactionsAt()) === count + 1;
}

async function transactionsAt(): Promise<number> {
  const answer = await fetch(`${follower.httpUrl}/api/registers/${registerId}`);
  return answer.ok ? ((await answer.json()) as { transactionCount: number }).transactionCount : 0;
}

async function queued(): Promise<number> {
  const report = await get<{ metrics: { queueSize: number } }>(follower, "/api/health");
  return report.metrics.queueSize;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
