import { afterEach, expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import { exchange } from "../../src/peers/exchange.ts";
import { newPeer } from "../../src/peers/peer.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimNet, type SimNode } from "./sim-net.ts";

const nets: SimNet[] = [];
afterEach(() => Promise.all(nets.splice(0).map((net) => net.stop())));

function netOf(seed: number): SimNet {
  const net = new SimNet(seed);
  nets.push(net);
  return net;
}

/** One node that was told by hand of many others, which answer it. */
function hubOf(net: SimNet, count: number): { hub: SimNode; others: SimNode[] } {
  const hub = net.add("hub", { host: "10.0.0.1", outboundMax: 2 * count });
  const passive = { isPassive: true, outboundMax: 0 };
  const others = Array.from({ length: count }, (_, at) =>
    net.add(`peer-${at}`, { host: `11.${at % 200}.${Math.floor(at / 200)}.1`, ...passive }),
  );
  for (const other of others) {
    other.start();
    const { host } = other.options;
    const facts = { protocols: [], adverts: [], publicKey: null, seq: 0, signature: null };
    const record = { ...facts, peerId: other.nodeId, host, port: 5001, lastSeenMs: 0 };
    const peer = newPeer(record, { nowMs: net.clock.nowMs(), sourceGroup: null });
    hub.book.restore({ ...peer, isManual: true });
  }
  hub.start();
  return { hub, others };
}

test("a thousand peers are all heard in every heartbeat cycle, and the dead among them known in two (weaknesses 53, 54)", async () => {
  const net = netOf(54);
  const { hub, others } = hubOf(net, 1_000);
  await net.clock.pass(180_000, () => hub.connectedIds().length === others.length);
  expect(hub.connectedIds()).toHaveLength(1_000);
  const sinceMs = net.clock.nowMs();
  await net.clock.pass(31_000);
  const heard = others.filter((one) => (hub.book.get(one.nodeId)?.lastSeenMs ?? 0) > sinceMs);
  expect(heard).toHaveLength(1_000);
  const dead = others.filter((_, at) => at % 10 === 0);
  await Promise.all(dead.map((one) => one.stop()));
  await net.clock.pass(62_000);
  expect(hub.connectedIds()).toHaveLength(900);
  expect(dead.filter((one) => hub.connectedIds().includes(one.nodeId))).toEqual([]);
}, 120_000);

test("an open circuit keeps nobody from the others' lists, and what is new is counted once (weakness 60)", async () => {
  const net = netOf(60);
  const there = net.add("there");
  const rest = net.add("rest", { seeds: [there] });
  const here = net.add("here", { seeds: [there] });
  for (const node of [there, rest, here]) node.start();
  const isWhole = () => here.connectedIds().length === 2 && there.connectedIds().length === 2;
  await net.clock.pass(60_000, isWhole);
  // By now exchanges are rare: what follows falls between two of them.
  await net.clock.pass(200_000);
  const circuit = here.channels.circuit(rest.nodeId);
  const silence = new PeerError("network", "unreachable", { message: "Nobody answers" });
  for (let call = 0; call < limits.circuitFailures; call += 1) {
    await circuit.run(() => Promise.reject(silence)).catch(() => undefined);
  }
  expect(here.channels.isShut(rest.nodeId)).toBe(true);

  const late = net.add("late", { isPassive: true, outboundMax: 0 });
  late.start();
  const reached = there.mesh.reach({ host: late.options.host, port: 5001 });
  await net.clock.pass(500);
  await reached;
  expect(here.book.get("late")).toBeNull();
  const peer = here.book.get(there.nodeId);
  if (peer === null) throw new Error("here knows there");
  const ask = async () => {
    const asked = exchange(peer, {
      nodeId: here.nodeId,
      book: here.book,
      channel: here.channels.to(peer),
      timeoutMs: 5_000,
      signal: new AbortController().signal,
      dice: net.dice,
    });
    await net.clock.pass(100);
    return await asked;
  };
  expect([await ask(), await ask()]).toEqual([1, 0]);
  await net.clock.pass(limits.circuitRestMs * 2, () => here.connectedIds().length === 3);
  expect(here.connectedIds().toSorted()).toEqual(["late", "rest", "there"]);
});
