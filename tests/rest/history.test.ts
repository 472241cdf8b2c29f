import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { History } from "../../src/rest/history.ts";
import { limits } from "../../src/runtime/limits.ts";
import { MemoryNode } from "./memory-node.ts";
import { newPeerView } from "./memory-peer-desk.ts";
import { Rest } from "./rest-of.ts";

describe("the history of a node's figures", () => {
  let nowMs = 1_000_000;
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: () => new Promise<void>(() => {}),
  };

  test("tells what the store grew by a second, and no negative rate after a purge", async () => {
    const node = new MemoryNode(() => nowMs);
    const { registerId } = await node.createRegister({ name: "r" });
    const history = new History(node, clock);
    history.sample();
    const lines = Array.from({ length: 50 }, (_, index) => String(index));
    await node.importRecords({ registerId, importId: "i", firstLine: 1, lines });
    nowMs += 10_000;
    history.sample();
    expect(history.samples.at(-1)).toMatchObject({
      at: new Date(nowMs).toISOString(),
      transactionsPerSecond: 5,
      docketsPerSecond: 0.1,
    });
    node.registers.clear();
    nowMs += 10_000;
    history.sample();
    expect(history.samples.at(-1)?.transactionsPerSecond).toBe(0);
  });

  test("takes latency from connected peers that have one, and keeps an hour", () => {
    const node = new MemoryNode(() => nowMs);
    const history = new History(node, clock);
    history.sample();
    expect(history.samples[0]?.latencyMs).toBeNull();
    node.peers = [
      newPeerView("a", { isConnected: true, averageLatencyMs: 10 }),
      newPeerView("b", { isConnected: true, averageLatencyMs: 20 }),
      newPeerView("c", { isConnected: true, averageLatencyMs: 0 }),
      newPeerView("d", { isConnected: false, averageLatencyMs: 900 }),
    ];
    for (let taken = 0; taken < limits.historySamples + 5; taken += 1) history.sample();
    expect(history.samples).toHaveLength(limits.historySamples);
    expect(history.samples.at(-1)).toMatchObject({ connectedPeers: 3, latencyMs: 15 });
  });
});

describe("the settings in force", () => {
  let api: Rest;
  beforeAll(async () => {
    api = await Rest.open();
  });
  afterAll(() => rest.close());

  test("are for the authenticated, with every secret masked", async () => {
    expect((await api.get("/api/config")).status).toBe(401);
    const token = await api.mint({ isService: false });
    const { status, body } = await api.get("/api/config", { token });
    expect(status).toBe(200);
    const rows = new Map(body.map((row: { key: string }) => [row.key, row]));
    expect(rows.get("dataDir")).toMatchObject({ variable: "PEER_DATA_DIR", source: "default" });
  });
});
