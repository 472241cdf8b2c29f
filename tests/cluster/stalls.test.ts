/**
 * What machines do to processes: a stop of seconds while others go on, and the request to end while
 * there is work. Nothing may be lost, nobody may be taken for dead or bad afterwards.
 */
import { expect, test } from "bun:test";
import { expectLevel, isInGoodStanding } from "../support/level.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";

/** Longer than a heartbeat and its time-out: the others notice. */
const stallMs = 5_000;
const environment = { PEER_HEARTBEAT_MS: "1000", PEER_HEARTBEAT_TIMEOUT_MS: "2000" };
const cluster = new Cluster("embedded");

test("A node that stood still for seconds under load goes on, and nobody is banned", async () => {
  const a = await cluster.start("a", { environment });
  const b = await cluster.start("b", { seeds: [a], environment });
  const file = await cluster.write("stall.ndjson", lines(500));
  const { registerId } = await a.import(file, "stall");
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  const more = await cluster.write("more.ndjson", lines(2_000));
  for (const stalled of [b, a]) {
    const importing = a.ok(["import", more, "--register", registerId]);
    await Bun.sleep(100);
    process.kill(stalled.pid, "SIGSTOP");
    await Bun.sleep(stallMs);
    process.kill(stalled.pid, "SIGCONT");
    await importing;
    await expectLevel(b, { with: a, registerId });
    for (const [node, other] of [
      [a, "b"],
      [b, "a"],
    ] as const) {
      await until(() => isInGoodStanding(node, other), `${node.name} to be well with ${other}`);
    }
  }
  for (const node of [a, b]) {
    const blamed = node.log().filter((line) => line.msg === "A source is blamed for a lie");
    expect(blamed).toEqual([]);
  }
  expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
});

test("SIGTERM under load ends a node by itself with 0, and what it answered for is there", async () => {
  const a = await cluster.start("a");
  const b = await cluster.start("b", { seeds: [a] });
  const { registerId } = await a.import(await cluster.write("term.ndjson", lines(10)), "term");
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  const token = (await a.ok(["token", "--service"], {})).trim().split("\n").at(-1);
  let acknowledged = 0;
  const sending = sendUntilRefused(a, { registerId, token: token ?? "" }, () => acknowledged++);
  const events = await fetch(`${a.httpUrl}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await until(async () => acknowledged >= 5, "some records to be taken");
  // Nobody ends it but itself: a node that hangs fails this test.
  expect(await a.stop()).toBe(0);
  await events.body?.cancel().catch(() => undefined);
  await sending;
  expect(a.log().filter((line) => line.level === "error")).toEqual([]);
  await a.start();
  const stored = (await a.ok(["export", registerId])).split("\n").filter((line) => line !== "");
  for (let n = 0; n < acknowledged; n += 1) expect(stored).toContain(`{"sent":${n}}`);
  expect(new Set(stored).size).toBe(stored.length);
  await expectLevel(b, { with: a, registerId });
  await b.ok(["verify", registerId]);
});

async function sendUntilRefused(
  node: TestNode,
  to: { registerId: string; token: string },
  onAcknowledged: () => void,
): Promise<void> {
  for (let n = 0; ; n += 1) {
    const answer = await fetch(`${node.httpUrl}/api/registers/${to.registerId}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${to.token}`, "content-type": "application/json" },
      body: `{"data":{"sent":${n}}}`,
    }).catch(() => null);
    if (answer === null || !answer.ok) return;
    onAcknowledged();
  }
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, index) => `{"n":${index}}\n`).join("");
}
