import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { hasServer } from "../support/database.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { unevenRecords } from "../support/records.ts";

const cluster = new Cluster("embedded");
/** Heartbeats and exchanges as often as they may be: these tests wait for a few of them. */
const environment = {
  PEER_HEARTBEAT_MS: "1000",
  PEER_EXCHANGE_MS: "1000",
  PEER_WORKERS: "0",
  PEER_DB_POOL_SIZE: "2",
};

interface PeerRow {
  peerId: string;
  port: number;
  isConnected: boolean;
  isBanned: boolean;
  qualityScore: number;
}

/** More nodes than this that start at once only wait for each other's turn on the cores. */
const startedAtOnce = 5;

async function startMesh(count: number, where = cluster, added = {}): Promise<TestNode[]> {
  const given = { ...environment, ...added };
  const first = await where.start("n0", { environment: given });
  const make = (index: number) =>
    where.make(`n${index + 1}`, { seeds: [first], environment: given });
  const others = await Promise.all(Array.from({ length: count - 1 }, (_, index) => make(index)));
  await startInGroups(others);
  return [first, ...others];
}

async function startInGroups(nodes: readonly TestNode[]): Promise<void> {
  for (let from = 0; from < nodes.length; from += startedAtOnce) {
    await Promise.all(nodes.slice(from, from + startedAtOnce).map((node) => node.start()));
  }
}

async function peersOf(node: TestNode): Promise<PeerRow[]> {
  return await node.get<PeerRow[]>("/api/peers");
}

async function connectedTo(node: TestNode): Promise<string[]> {
  const peers = await peersOf(node);
  return peers
    .filter((peer) => peer.isConnected)
    .map((peer) => peer.peerId)
    .toSorted();
}

/** Waits until every one of them has a connection to all the others and to nobody else. */
async function whole(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) {
    const others = nodes
      .filter((one) => one !== node)
      .map((one) => one.name)
      .toSorted();
    const isSo = async () => Bun.deepEquals(await connectedTo(node), others);
    const look = async () => {
      // Looking costs the node too, and there may be many.
      await Bun.sleep(nodes.length * 10);
      return isSo();
    };
    await until(look, `${node.name} to be connected to ${others}; log: ${node.logFile}`);
  }
}

/** Many nodes on one PostgreSQL where there is one: embedded databases would fill the machine. */
const many = hasServer() ? new Cluster("postgres") : cluster;

for (const count of hasServer() ? [3, 10, 25] : [3, 10]) {
  test(`${count} nodes with one seed know each other, lose the seed, are all restarted, and still do`, async () => {
    const calm = count === 25 ? { PEER_HEARTBEAT_MS: "3000" } : {};
    const nodes = await startMesh(count, count === 3 ? cluster : many, calm);
    await whole(nodes);
    const [seed, ...rest] = nodes as [TestNode, ...TestNode[]];
    await seed.kill();
    await whole(rest);
    await Promise.all(rest.map((node) => node.stop()));
    await startInGroups(rest);
    await whole(rest);
  });
}

test("A seed that comes back is found again by those that lost it", async () => {
  const nodes = await startMesh(3);
  await whole(nodes);
  const [seed, ...rest] = nodes as [TestNode, ...TestNode[]];
  await seed.kill();
  await whole(rest);
  await seed.start();
  await whole(nodes);
});

test("A node that moved to another address is found there; one with a new key under an old name is not taken for it", async () => {
  const nodes = await startMesh(3);
  await whole(nodes);
  const [seed, moved, stays] = nodes as [TestNode, TestNode, TestNode];
  await moved.stop();
  const before = (await peersOf(stays)).find((peer) => peer.peerId === "n1")?.port;
  moved.grpcAddress = "";
  await moved.start();
  await whole(nodes);
  const after = (await peersOf(stays)).find((peer) => peer.peerId === "n1")?.port;
  expect(after).not.toBe(before);

  await moved.stop();
  for (const node of [seed, stays]) {
    await until(async () => !(await connectedTo(node)).includes("n1"), `${node.name} to lose n1`);
  }
  rmSync(`${moved.dataDir}/node.key`);
  await moved.start();
  await until(
    async () => moved.log().some((line) => String(line.reason).includes("belongs to another key")),
    `n1 to be refused; log: ${moved.logFile}`,
  );
  expect(await connectedTo(stays)).toEqual(["n0"]);
  for (const node of [seed, stays]) await node.ok(["peers", "remove", "n1", "--yes"]);
  await whole(nodes);
});

test("A ban ends what runs, holds over restarts on both sides, and is explained", async () => {
  const nodes = await startMesh(3);
  await whole(nodes);
  const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
  const file = await cluster.write("banned.ndjson", unevenRecords(200, 1));
  const { registerId } = await a.import(file, "banned");
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  const before = (await b.register(registerId))?.headDocketNumber ?? -1;
  await a.ok(["peers", "ban", "n1", "--reason", "serves junk"]);
  await until(async () => !(await connectedTo(b)).includes("n0"), "b to lose a");
  const why = JSON.parse(await a.ok(["peers", "why", "n1", "--output", "json"]));
  expect(why).toMatchObject({ isBanned: true, banReason: "serves junk" });
  expect(why.events[0].message).toContain("serves junk");

  const more = await cluster.write("more.ndjson", '"after the ban"\n');
  await a.ok(["import", more, "--register", registerId]);
  const head = (await a.register(registerId))?.headDocketNumber ?? -1;
  expect(head).toBeGreaterThan(before);
  await Promise.all([a.stop(), b.stop()]);
  await Promise.all([a.start(), b.start()]);
  await until(async () => (await connectedTo(b)).includes("n2"), "b to find c");
  await until(async () => (await connectedTo(a)).includes("n2"), "a to find c");
  expect(await connectedTo(a)).toEqual(["n2"]);
  expect((await peersOf(a)).find((peer) => peer.peerId === "n1")).toMatchObject({ isBanned: true });
  expect((await b.register(registerId))?.headDocketNumber).toBe(before);
  await until(async () => (await connectedTo(c)).join() === "n0,n1", "c to find both again");
  await a.ok(["peers", "unban", "n1"]);
  await whole(nodes);
  await b.holds(registerId, head);
});

test("Peers, scores and good places survive a restart that finds nobody else there", async () => {
  const nodes = await startMesh(3);
  await whole(nodes);
  const [, b] = nodes as [TestNode, TestNode, TestNode];
  await Promise.all(nodes.map((node) => node.stop()));
  await b.start();
  const peers = await peersOf(b);
  expect(peers.map((peer) => peer.peerId).toSorted()).toEqual(["n0", "n2"]);
  for (const peer of peers) expect(peer.qualityScore).toBeGreaterThan(40);
});
