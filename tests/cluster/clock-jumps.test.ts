/**
 * Wall clocks that jump by hours, forward and back, at real nodes. Nobody is taken for dead or bad,
 * dockets come as long as they are of our time, and a node that ran ahead is found again after it
 * came back to the true time.
 */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectLevel, isInGoodStanding } from "../support/level.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";

const hoursMs = 3_600_000;
const preload = new URL("../support/jumping-clock.ts", import.meta.url).pathname;
const cluster = new Cluster("embedded");
let records = 0;

test("A follower's clock jumps forward and back by hours: nobody is blamed, and it goes on", async () => {
  const a = await cluster.start("a", { environment: { PEER_HEARTBEAT_MS: "1000" } });
  const b = await startWrong("b", { seeds: [a] });
  const { registerId } = await a.import(await lines(10), "jumps");
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  for (const hours of [5, -5, 0]) {
    jump(b, hours * hoursMs);
    await a.ok(["import", await lines(10), "--register", registerId]);
    // What was sealed five hours in the future of a clock is refused until it is right again.
    if (hours < 0) await until(() => says(b, { registerId, code: "time" }), "b to see the time");
    else await expectLevel(b, { with: a, registerId });
    for (const [node, other] of [
      [a, "b"],
      [b, "a"],
    ] as const) {
      await until(() => isInGoodStanding(node, other), `${node.name} to be well with ${other}`);
    }
  }
  expect(b.log().filter((line) => line.msg === "A source is blamed for a lie")).toEqual([]);
  expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
});

test("A node that ran hours ahead is found at its new address once its clock is right", async () => {
  const b = await cluster.start("b", { environment: { PEER_HEARTBEAT_MS: "1000" } });
  const a = await startWrong("a", { seeds: [b] }, 5 * hoursMs);
  await until(() => isInGoodStanding(b, "a"), "b to know a");
  await a.stop();
  writeClock("a", 0);
  a.grpcAddress = "";
  await a.start();
  const { registerId } = await a.import(await lines(10), "ahead");
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  await expectLevel(b, { with: a, registerId });
  const [peer] = await b.get<{ port: number }[]>("/api/peers");
  expect(`127.0.0.1:${peer?.port}`).toBe(a.grpcAddress);
});

function startWrong(name: string, options: { seeds: TestNode[] }, offsetMs = 0): Promise<TestNode> {
  const clock = writeClock(name, offsetMs);
  const environment = {
    BUN_OPTIONS: `--preload=${preload}`,
    CLOCK_FILE: clock,
    PEER_HEARTBEAT_MS: "1000",
  };
  return cluster.start(name, { ...options, environment });
}

function writeClock(name: string, offsetMs: number): string {
  const path = join(cluster.folder, `${name}.clock`);
  writeFileSync(path, String(offsetMs));
  return path;
}

function jump(node: TestNode, offsetMs: number): void {
  writeClock(node.name, offsetMs);
  process.kill(node.pid, "SIGUSR2");
}

async function says(node: TestNode, what: { registerId: string; code: string }): Promise<boolean> {
  const register = await node.register(what.registerId);
  return register?.subscription?.errorCode === what.code;
}

function lines(count: number): Promise<string> {
  records += 1;
  const text = Array.from({ length: count }, (_, n) => `{"part":${records},"n":${n}}\n`).join("");
  return cluster.write(`jump-${records}.ndjson`, text);
}
