/** Real nodes, of which two can't be dialled: they tell others an address where nobody listens. */
import { expect, test } from "bun:test";
import { onEachStore, type TestNode, until } from "../support/node.ts";

const sealing = {
  PEER_SEAL_MS: "100",
  PEER_SEAL_ROUND_MS: "1000",
  PEER_HEARTBEAT_MS: "1000",
  PEER_EXCHANGE_MS: "1000",
};
const nowhere = ["--advertise", "127.0.0.1:9"];

onEachStore("Validators that nobody can dial", (cluster) => {
  test("seal with others through a relay, and no record is lost or doubled", async () => {
    const relay = await cluster.start("relay", { environment: { ...sealing, PEER_RELAY: "true" } });
    const environment = { ...sealing, PEER_RELAY_VIA: "relay" };
    const v1 = await cluster.start("v1", { seeds: [relay], environment });
    const { publicKey } = await keyOf(v1);
    const willing = { ...environment, PEER_SEAL_FOR: publicKey };
    const given = { seeds: [relay, v1], environment: willing, flags: nowhere };
    const hidden = [await cluster.start("v2", given), await cluster.start("v3", given)];
    const [v2, v3] = hidden as [TestNode, TestNode];
    const told = await Promise.all(hidden.map(async (node) => (await keyOf(node)).validator));
    const words = ["--validator", ...told, "--threshold", "3", "--output", "json"];
    const created = await v1.ok(["register", "create", "--name", "shared", ...words]);
    const { registerId } = JSON.parse(created) as { registerId: string };
    for (const node of [v1, v2, v3]) await node.holds(registerId, 0);
    await relay.hears(registerId);
    await relay.subscribe(registerId, ["--wait"]);
    const doors = [v2, v3, v1, relay];
    for (const [number, node] of doors.entries()) {
      await node.ok(["tx", "submit", registerId, `{"n":${number}}`, "--wait"]);
    }
    for (const node of doors) {
      await until(
        async () => (await node.register(registerId))?.transactionCount === 5,
        `${node.name} to hold all; log: ${node.logFile}`,
      );
    }
    const ends = await Promise.all(doors.map((node) => node.register(registerId)));
    expect(new Set(ends.map((one) => one?.headDocketHash)).size).toBe(1);
    expect(await relay.ok(["export", registerId])).toBe('{"n":0}\n{"n":1}\n{"n":2}\n{"n":3}\n');
    for (const node of [v1, relay]) {
      expect(await isConnected(node, "v2")).toBe(false);
      expect(await isConnected(node, "v3")).toBe(false);
    }
  }, 120_000);
});

async function keyOf(node: TestNode): Promise<{ publicKey: string; validator: string }> {
  return JSON.parse(
    (await node.cli(["keys", "show", "--data-dir", node.dataDir, "--output", "json"], bare)).stdout,
  );
}

const bare = { bare: true };

interface PeerView {
  peerId: string;
  connection: string;
}

async function peersOf(node: TestNode): Promise<PeerView[]> {
  return node.get<PeerView[]>("/api/peers");
}

async function isConnected(node: TestNode, peerId: string): Promise<boolean> {
  const peer = (await peersOf(node)).find((one) => one.peerId === peerId);
  return peer?.connection === "connected";
}
