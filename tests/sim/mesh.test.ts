import { afterEach, describe, expect, test } from "bun:test";
import { SimNet, type SimNode } from "./sim-net.ts";

const nets: SimNet[] = [];
afterEach(() => Promise.all(nets.splice(0).map((net) => net.stop())));

/** `count` nodes that know one seed, all running. */
function meshOf(count: number, seed: number): { net: SimNet; nodes: SimNode[]; first: SimNode } {
  const net = new SimNet(seed);
  nets.push(net);
  const first = net.add("node-0");
  const others = Array.from({ length: count - 1 }, (_, index) =>
    net.add(`node-${index + 1}`, { seeds: [first] }),
  );
  const nodes = [first, ...others];
  for (const node of nodes) node.start();
  return { net, nodes, first };
}

/** Every node has a connection to every other. */
function isWhole(nodes: readonly SimNode[]): boolean {
  return nodes.every((node) => node.connectedIds().length === nodes.length - 1);
}

async function converge(net: SimNet, nodes: readonly SimNode[], withinMs: number): Promise<void> {
  await net.clock.pass(withinMs, () => isWhole(nodes));
  expect(nodes.map((node) => node.connectedIds().length)).toEqual(
    nodes.map(() => nodes.length - 1),
  );
}

describe("A mesh with one seed", () => {
  for (const count of [3, 25, 50]) {
    test(`of ${count} nodes knows all of itself (weakness 48)`, async () => {
      const { net, nodes } = meshOf(count, count);
      await converge(net, nodes, 120_000);
    }, 60_000);
  }

  test("with all connections taken feels for one of the others now and then, and keeps it not", async () => {
    const { net, nodes } = meshOf(12, 9);
    const few = net.add("few", { seeds: [nodes[0] as SimNode], outboundMax: 3 });
    few.start();
    const tried = () => few.book.list().filter((peer) => peer.isTried).length;
    await net.clock.pass(60_000, () => few.connectedIds().length === 4);
    await net.clock.pass(30_000);
    expect(tried()).toBeLessThan(8);
    const callsBefore = net.callsFrom(few);
    await net.clock.pass(3_600_000);
    expect(tried()).toBe(12);
    expect(few.connectedIds()).toHaveLength(4);
    expect(few.book.journal.of("node-11").concat(few.book.journal.of("node-10"))).not.toEqual([]);
    // 30 looks an hour at most beside the heartbeats and exchanges of four connections.
    expect(net.callsFrom(few) - callsBefore).toBeLessThan(4 * 130 + 30 * 2 + 3 * 120);
  });

  test("reaches a seed that was named later, for as long as it takes", async () => {
    const { net, nodes, first } = meshOf(3, 10);
    await converge(net, nodes, 60_000);
    const alone = net.add("alone");
    alone.start();
    await first.stop();
    alone.mesh.addSeed({ host: first.options.host, port: 5001 });
    await net.clock.pass(600_000);
    expect(alone.connectedIds()).toEqual([]);
    first.start();
    await converge(net, [...nodes, alone], 120_000);
  });

  test("does not need its seed once it stands, and newcomers find it by anybody", async () => {
    const { net, nodes, first } = meshOf(10, 1);
    await converge(net, nodes, 60_000);
    await first.stop();
    const rest = nodes.slice(1);
    await net.clock.pass(180_000);
    for (const node of rest) {
      expect(node.connectedIds().toSorted()).toEqual(
        rest
          .filter((one) => one !== node)
          .map((one) => one.nodeId)
          .toSorted(),
      );
    }
    const late = net.add("late", { seeds: [rest[4] as SimNode] });
    late.start();
    await converge(net, [...rest, late], 60_000);
    await first.restart();
    await converge(net, [...nodes, late], 60_000);
  });

  test("comes back by itself after all were restarted, seed or not", async () => {
    const { net, nodes, first } = meshOf(10, 2);
    await converge(net, nodes, 60_000);
    await net.clock.pass(60_000);
    await Promise.all(nodes.map((node) => node.restart()));
    await first.stop();
    await converge(net, nodes.slice(1), 30_000);
  });

  test("heals after twenty minutes of partition, without an operator", async () => {
    const { net, nodes } = meshOf(10, 3);
    await converge(net, nodes, 60_000);
    const left = new Set(nodes.slice(0, 5).map((node) => node.options.host));
    net.isOpen = (from, to) => left.has(from) === left.has(to);
    await net.clock.pass(1_200_000);
    expect(nodes[0]?.connectedIds()).toHaveLength(4);
    net.isOpen = () => true;
    await converge(net, nodes, 60_000);
  });

  test("does not take a dead peer for a living one because others tell of it (weakness 52)", async () => {
    const { net, nodes } = meshOf(5, 4);
    await converge(net, nodes, 60_000);
    const gone = nodes[4] as SimNode;
    await gone.stop();
    await net.clock.pass(10 * 60_000);
    for (const node of nodes.slice(0, 4)) {
      expect(node.book.get(gone.nodeId)?.connection).toBe("disconnected");
      expect(node.book.get(gone.nodeId)?.failureCount).toBeGreaterThan(0);
    }
  });

  test("knows each node under one name, and itself not at all (weakness 49)", async () => {
    const { net, nodes, first } = meshOf(5, 5);
    const own = net.add("knows-itself", { seeds: [first] });
    own.options.seeds = [first, own];
    own.start();
    await converge(net, [...nodes, own], 60_000);
    for (const node of [...nodes, own]) {
      expect(node.book.get(node.nodeId)).toBeNull();
      expect(node.book.list()).toHaveLength(5);
    }
  });
});

describe("Failures", () => {
  test("open the peer's circuit, which lets one probe through later (weakness 51)", async () => {
    const { net, nodes } = meshOf(2, 6);
    await converge(net, nodes, 60_000);
    const [here, there] = nodes as [SimNode, SimNode];
    await there.stop();
    await net.clock.pass(120_000, () => here.channels.circuitName(there.nodeId) === "open");
    expect(here.channels.circuitName(there.nodeId)).toBe("open");
    const before = net.calls;
    await net.clock.pass(20_000);
    expect(net.calls - before).toBeLessThanOrEqual(1);
    there.start();
    await net.clock.pass(120_000, () => isWhole(nodes));
    expect(isWhole(nodes)).toBe(true);
    expect(here.channels.circuitName(there.nodeId)).toBe("closed");
  });

  test("are over at once for a peer that shows itself: it calls us, or its heartbeat comes", async () => {
    const { net, nodes } = meshOf(2, 8);
    await converge(net, nodes, 60_000);
    // The seed is the one that is away: its back-off goes by its address, not by its name.
    const [there, here] = nodes as [SimNode, SimNode];
    await there.stop();
    const isOpen = () => here.channels.isShut(there.nodeId);
    await net.clock.pass(300_000);
    await net.clock.pass(60_000, isOpen);
    expect(isOpen()).toBe(true);
    await there.restart();
    const passedMs = await net.clock.pass(120_000, () => isWhole(nodes));
    expect(isWhole(nodes)).toBe(true);
    expect(passedMs).toBeLessThan(3_000);
    await there.stop();
    await net.clock.pass(300_000, isOpen);
    there.listen();
    here.mesh.showedItself(there.nodeId);
    await net.clock.pass(1_000, () => here.connectedIds().length === 1);
    expect(here.connectedIds()).toEqual([there.nodeId]);
  });

  test("count once each, and latency is measured (weaknesses 55, 56)", async () => {
    const { net, nodes } = meshOf(2, 7);
    await converge(net, nodes, 60_000);
    await net.clock.pass(120_000);
    const [here, there] = nodes as [SimNode, SimNode];
    const peer = here.book.get(there.nodeId);
    expect(peer?.score.latencyMs).toBeGreaterThan(1);
    expect(peer?.score.succeeded).toBeGreaterThan(3);
    expect(peer?.health?.uptimeSeconds).toBe(1);
    net.isOpen = () => false;
    await net.clock.pass(45_000, () => peer?.connection === "disconnected");
    expect(peer?.connection).toBe("disconnected");
    const why = here.book.journal.of(there.nodeId).map((entry) => entry.type);
    expect(why).toContain("peer.failed");
    expect(why).toContain("peer.disconnected");
  });
});
