import { afterEach, describe, expect, test } from "bun:test";
import { isAbort, PeerError } from "../../src/base/error.ts";
import type { Advert } from "../../src/peers/advert.ts";
import { type Identity, identityOf } from "../../src/peers/identity.ts";
import { advertisementOf, infoOf } from "../../src/peers/messages.ts";
import { type PeerRecord, recordBytes } from "../../src/peers/record.ts";
import * as standing from "../../src/peers/standing.ts";
import { limits } from "../../src/runtime/limits.ts";
import type { Channel } from "../../src/wire/client.ts";
import { discovery, heartbeat, type Method } from "../../src/wire/services.ts";
import { SimNet, type SimNode } from "./sim-net.ts";

const nets: SimNet[] = [];
afterEach(() => Promise.all(nets.splice(0).map((net) => net.stop())));
const attackerHost = "203.0.113.66";

async function smallMesh(
  count = 4,
): Promise<{ net: SimNet; nodes: SimNode[]; victim: SimNode; friend: SimNode }> {
  const net = new SimNet(11);
  nets.push(net);
  const victim = net.add("victim");
  const others = Array.from({ length: count - 1 }, (_, index) =>
    net.add(`honest-${index}`, { seeds: [victim], adverts: [advert("ledger", 10)] }),
  );
  const nodes = [victim, ...others];
  for (const node of nodes) node.start();
  const isWhole = () => nodes.every((node) => node.connectedIds().length === count - 1);
  await net.clock.pass(60_000, isWhole);
  expect(isWhole()).toBe(true);
  return { net, nodes, victim, friend: others[0] as SimNode };
}

function advert(registerId: string, docketCount: number): Advert {
  return {
    registerId,
    syncState: "FullyReplicated",
    latestVersion: docketCount,
    latestDocketVersion: docketCount - 1,
    docketCount,
    hasFullReplica: true,
    isPublic: true,
    genesisHash: null,
    name: null,
    description: null,
  };
}

function recordOf(peerId: string, changes: Partial<PeerRecord> = {}): PeerRecord {
  return {
    peerId,
    host: attackerHost,
    port: 5001,
    protocols: [],
    adverts: [],
    publicKey: null,
    seq: 0,
    signature: null,
    lastSeenMs: 0,
    ...changes,
  };
}

function signed(by: Identity, changes: Partial<PeerRecord> = {}): PeerRecord {
  const record = recordOf(by.nodeId, { publicKey: by.publicKey, seq: 1, ...changes });
  return { ...record, signature: by.sign(recordBytes(record)) };
}

function key(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

/** Somebody at the attacker's host who says he is `nodeId`. */
function attacker(net: SimNet, victim: SimNode, nodeId: string | null = "mallory"): Channel {
  return net.channel({ host: attackerHost, nodeId }, `${victim.options.host}:5001`);
}

/** The answer, or the code of the refusal. */
async function ask<Request, Response>(
  net: SimNet,
  channel: Channel,
  question: { method: Method<Request, Response>; request: object },
): Promise<Response | string> {
  const answer = channel
    .unary(question.method, question.request as never, { deadlineMs: 5_000 })
    .catch((error) => {
      if (error instanceof PeerError && !isAbort(error)) return error.code;
      throw error;
    });
  await net.clock.pass(60);
  return await answer;
}

function register(net: SimNet, channel: Channel, record: PeerRecord) {
  const request = { peerInfo: infoOf(record) };
  return ask(net, channel, { method: discovery.registerPeer, request });
}

describe("Strangers' records", () => {
  test("a thousand junk records of one peer take a bounded part of the book and soon go (weakness 20)", async () => {
    const { net, nodes, victim } = await smallMesh();
    const honest = victim.connectedIds();
    const mallory = net.add("mallory", { host: attackerHost, seeds: [victim] });
    mallory.start();
    await net.clock.pass(10_000, () => victim.connectedIds().includes("mallory"));
    for (let list = 0; list < 20; list += 1) {
      const knownPeers = Array.from({ length: 50 }, (_, index) =>
        infoOf(recordOf(`junk-${list}-${index}`, { host: `198.51.${list}.${index + 1}` })),
      );
      const request = { peerId: "mallory", knownPeers, maxPeers: 50 };
      await ask(net, attacker(net, victim), { method: discovery.exchangePeers, request });
    }
    const { bucketSize, reach } = limits.newBuckets;
    expect(victim.book.list().length).toBeGreaterThan(50);
    expect(victim.book.list().length).toBeLessThanOrEqual(bucketSize * reach + nodes.length + 1);
    expect(victim.connectedIds()).toEqual(expect.arrayContaining(honest));
    const late = net.add("late", { seeds: [victim] });
    late.start();
    await net.clock.pass(30_000, () => victim.connectedIds().includes("late"));
    expect(victim.connectedIds()).toContain("late");
    await net.clock.pass(3_600_000);
    expect(victim.book.list().filter((peer) => peer.peerId.startsWith("junk"))).toEqual([]);
    expect(victim.connectedIds()).toEqual(expect.arrayContaining(honest));
  }, 60_000);

  test("a forged or replayed record moves no address (weakness 17)", async () => {
    const { net, victim, friend } = await smallMesh();
    const before = victim.book.get(friend.nodeId);
    const own = before?.record as PeerRecord;
    const channel = attacker(net, victim, friend.nodeId);
    const other = identityOf(friend.nodeId, key(99));
    const forgeries = [
      recordOf(friend.nodeId),
      signed(other, { seq: own.seq + 1_000 }),
      { ...own, host: attackerHost, seq: own.seq + 1_000 },
    ];
    for (const forgery of forgeries) {
      expect(await register(net, channel, forgery)).toMatchObject({ success: false });
    }
    const older = signed(friend.options.identity, { seq: own.seq - 1 });
    expect(await register(net, channel, older)).toMatchObject({ success: true });
    expect(victim.book.get(friend.nodeId)).toMatchObject({ host: friend.options.host });
    expect(victim.connectedIds()).toContain(friend.nodeId);
  });

  test("nobody becomes a seed by saying so (weakness 19)", async () => {
    const { net, victim } = await smallMesh();
    const request = { peerInfo: { ...infoOf(signed(identityOf("m", key(5)))), isSeedNode: true } };
    const method = discovery.registerPeer;
    await ask(net, attacker(net, victim, "m"), { method, request });
    expect(victim.book.get("m")).toMatchObject({ isSeed: false, isTried: false });
  });

  test("lists that are too long or of strangers are refused whole", async () => {
    const { net, victim } = await smallMesh();
    const size = victim.book.list().length;
    const method = discovery.exchangePeers;
    const list = (count: number) =>
      Array.from({ length: count }, (_, index) => infoOf(recordOf(`x${index}`)));
    const stranger = { peerId: "mallory", knownPeers: list(10), maxPeers: 50 };
    expect(await ask(net, attacker(net, victim), { method, request: stranger })).toMatchObject({
      success: false,
      knownPeers: [],
    });
    const giant = { peerId: "honest-0", knownPeers: list(5_000), maxPeers: 50 };
    expect(await ask(net, attacker(net, victim), { method, request: giant })).toBe("too-many");
    expect(victim.book.list()).toHaveLength(size);
  });
});

describe("Forged talk", () => {
  test("a heartbeat in another's name changes nothing; the peer itself is asked (weakness 17)", async () => {
    const { net, victim, friend } = await smallMesh();
    const peer = victim.book.get(friend.nodeId);
    if (peer === null) throw new Error("unknown");
    peer.failureCount = 1;
    const seenAtMs = peer.lastSeenMs;
    friend.net.isOpen = (from, to) => from === attackerHost || to === attackerHost;
    const request = {
      peerId: friend.nodeId,
      sequenceNumber: 1,
      advertisedRegisters: [advert("forged", 1_000_000)].map(advertisementOf),
    };
    const method = heartbeat.sendHeartbeat;
    const answer = await ask(net, attacker(net, victim, friend.nodeId), { method, request });
    expect(answer).toMatchObject({ success: true });
    expect(peer.adverts.has("forged")).toBe(false);
    expect(peer.adverts.get("ledger")?.docketCount).toBe(10);
    expect(peer.failureCount).toBeGreaterThanOrEqual(1);
    expect(peer.lastSeenMs).toBe(seenAtMs);
  });

  test("news in a heartbeat is had from the peer itself, at once", async () => {
    const { net, victim, friend } = await smallMesh();
    friend.options.adverts = [advert("ledger", 11)];
    friend.mesh.tellSoon();
    await net.clock.pass(1_000);
    expect(victim.book.get(friend.nodeId)?.adverts.get("ledger")?.docketCount).toBe(11);
    friend.options.adverts = [];
    friend.mesh.tellSoon();
    await net.clock.pass(1_000);
    expect(victim.book.get(friend.nodeId)?.adverts.size).toBe(0);
  });

  test("adverts that nobody repeats stop counting (weakness 59)", async () => {
    const { net, victim, friend } = await smallMesh();
    await friend.stop();
    await net.clock.pass(limits.advertMs + 60_000);
    expect(victim.book.get(friend.nodeId)?.adverts.size).toBe(0);
  });
});

describe("A ban", () => {
  test("holds in both directions, and neither registration, gossip nor another name gets round it (weakness 18)", async () => {
    const { net, nodes, victim, friend } = await smallMesh();
    standing.ban(victim.book, friend.nodeId, "junk");
    victim.channels.drop(friend.nodeId);
    victim.gate.expel(friend.nodeId);
    await net.clock.pass(180_000);
    const isBannedStill = () => {
      expect(victim.book.get(friend.nodeId)).toMatchObject({ isBanned: true, banReason: "junk" });
      expect(victim.connectedIds()).not.toContain(friend.nodeId);
      expect(friend.connectedIds()).not.toContain(victim.nodeId);
    };
    isBannedStill();
    expect(victim.book.get(friend.nodeId)?.adverts.size).toBe(0);
    const { host, identity } = friend.options;
    const own = net.channel({ host, nodeId: friend.nodeId }, `${victim.options.host}:5001`);
    expect(await register(net, own, signed(identity, { host, seq: 2e12 }))).toBe("forbidden");
    const nameless = net.channel({ host, nodeId: null }, `${victim.options.host}:5001`);
    expect(await register(net, nameless, signed(identity, { host, seq: 2e12 }))).toBe("forbidden");
    const elsewhere = attacker(net, victim, "new-name");
    const sameKey = { ...identity, nodeId: "new-name" };
    for (const record of [signed(sameKey), recordOf("third-name", { host, port: 5001 })]) {
      expect(await register(net, elsewhere, record)).toMatchObject({
        message: "Peer is banned here",
      });
    }
    await victim.restart();
    await net.clock.pass(180_000);
    isBannedStill();
    expect(nodes[2]?.connectedIds()).toContain(friend.nodeId);
    standing.unban(victim.book, friend.nodeId);
    await net.clock.pass(120_000, () => victim.connectedIds().includes(friend.nodeId));
    expect(victim.connectedIds()).toContain(friend.nodeId);
  });
});

describe("A flood", () => {
  test("of names that come and go leaves nothing behind but the names in the book (weakness 20)", async () => {
    const { net, victim } = await smallMesh();
    const address = `${attackerHost}:1`;
    const path = "/sorcha.peer.discovery.PeerDiscovery/RegisterPeer";
    const caller = { peerId: null, provenId: null, publicKey: null, address };
    for (let minute = 0; minute < 60; minute += 1) {
      for (let count = 0; count < 100; count += 1) {
        const record = recordOf(`churn-${minute}-${count}`);
        victim.answer(path, { peerInfo: infoOfWire(record) } as never, caller);
      }
      await net.clock.pass(60_000);
    }
    await net.clock.pass(3_600_000);
    const { closed, open, "half-open": half } = victim.channels.circuitCounts();
    expect(closed + open + half).toBeLessThanOrEqual(victim.book.list().length);
    expect(victim.book.list()).toHaveLength(3);
  }, 60_000);

  test("of 10,000 registrations a second leaves bounded memory, few dials and honest peers", async () => {
    const { net, victim } = await smallMesh();
    const honest = victim.connectedIds();
    const dialsBefore = net.calls;
    const heapBefore = heapBytes();
    let refused = 0;
    for (let second = 0; second < 5; second += 1) {
      for (let count = 0; count < 10_000; count += 1) {
        const record = recordOf(`flood-${second}-${count}`, { host: `198.51.100.${count % 250}` });
        try {
          victim.answer(
            "/sorcha.peer.discovery.PeerDiscovery/RegisterPeer",
            {
              peerInfo: infoOfWire(record),
            } as never,
            { peerId: null, provenId: null, publicKey: null, address: `${attackerHost}:1` },
          );
        } catch (error) {
          if (!(error instanceof PeerError)) throw error;
          refused += 1;
        }
      }
      await net.clock.pass(1_000);
    }
    expect(refused).toBeGreaterThan(49_000);
    expect(victim.book.list().length).toBeLessThanOrEqual(300);
    expect(heapBytes() - heapBefore).toBeLessThan(16 * 1024 * 1024);
    expect(net.calls - dialsBefore).toBeLessThan(400);
    expect(victim.connectedIds()).toEqual(expect.arrayContaining(honest));
    const late = net.add("late", { seeds: [victim] });
    late.start();
    await net.clock.pass(60_000, () => victim.connectedIds().includes("late"));
    expect(victim.connectedIds()).toContain("late");
  }, 60_000);
});

function heapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

/** As it comes out of the wire, without the cost of encoding it fifty thousand times. */
function infoOfWire(record: PeerRecord): object {
  const method = discovery.registerPeer;
  const bytes = method.request.encode({ peerInfo: infoOf(record) });
  return method.request.decode(bytes).peerInfo as object;
}
