import { afterEach, expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { checkPending } from "../../src/distribution/check.ts";
import { type Fault, Gossip, type GossipOptions } from "../../src/distribution/gossip.ts";
import { Pool } from "../../src/distribution/pool.ts";
import { Seen } from "../../src/distribution/seen.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../sim/sim-clock.ts";

const signer = signerOfSeed(new Uint8Array(32).fill(4));
const validators = [{ validatorId: "v", publicKey: signer.publicKey, algorithm: "ED25519" }];
const policy = { version: 1, validators, threshold: 1, isPublic: true, name: "", description: "" };
const running: Gossip[] = [];

function built(data: number) {
  const payloadJson = `{"type":"Action","data":${data}}`;
  return buildTransaction({ registerId: "r", payloadJson, createdAtMs: 1_000, signer });
}

/** One node on a clock that stands still until told; what its peers have is in `bodies`. */
function stage(changes: Partial<GossipOptions> & { countMax?: number } = {}) {
  const clock = new SimClock();
  const monotonicMs = clock.monotonicMs;
  const seen = new Seen({ countMax: 100, ageMs: 60_000, monotonicMs });
  const bounds = { countMax: changes.countMax ?? 100, bytesMax: 1e6, ageMs: 1e6 };
  const pool = new Pool({ ...bounds, monotonicMs, onEvicted: () => {} });
  const asked: string[] = [];
  const told: string[] = [];
  const taken: string[] = [];
  const faults: [string, Fault][] = [];
  const bodies = new Map<string, Uint8Array | null>();
  const gossip = new Gossip({
    clock,
    dice: seededDice(3),
    fanout: 3,
    pool,
    seen,
    holders: () => ["a", "b", "c", "d", "e", "f"],
    tell: async (peerId, { items }) => {
      for (const item of items) told.push(`${peerId} ${item.transactionId}`);
      return { alreadyKnown: false, willRequest: true };
    },
    fetch: async (peerId) => {
      asked.push(peerId);
      const body = bodies.get(peerId);
      return body === undefined ? new Promise<never>(() => {}) : body;
    },
    check: (bytes, wanted) => checkPending(bytes, { ...wanted, policy, nowMs: clock.nowMs() }),
    findSealed: async () => new Set(),
    onTaken: ({ transaction }) => taken.push(transaction.transactionId),
    onFault: (peerId, { kind }) => faults.push([peerId, kind]),
    ...changes,
  });
  running.push(gossip);
  const hear = (peerId: string, one = built(1)) =>
    gossip.hear(peerId, {
      registerId: "r",
      items: [{ transactionId: one.transaction.transactionId, bytes: one.bytes.byteLength }],
      isLazy: false,
    });
  return { clock, pool, seen, gossip, asked, told, taken, faults, bodies, hear };
}

afterEach(async () => {
  for (const gossip of running.splice(0)) await gossip.stop();
});

test("a body is asked of one teller, kept, and told on to three others (weaknesses 28, 29)", async () => {
  const { clock, hear, bodies, asked, told, taken } = stage();
  for (const peerId of ["a", "b"]) bodies.set(peerId, built(1).bytes);
  expect(hear("a")).toEqual({ alreadyKnown: false, willRequest: true });
  expect(hear("b")).toEqual({ alreadyKnown: true, willRequest: false });
  await clock.pass(100);
  expect(asked).toEqual(["a"]);
  expect(taken).toEqual([built(1).transaction.transactionId]);
  expect(told.length).toBe(3);
  expect(hear("c")).toEqual({ alreadyKnown: true, willRequest: false });
});

test("a silent teller costs a round, then another is asked, and it loses a little", async () => {
  const { clock, hear, bodies, asked, taken } = stage();
  bodies.set("b", built(1).bytes);
  hear("a");
  hear("b");
  await clock.pass(400);
  expect([asked, taken.length]).toEqual([["a"], 0]);
  await clock.pass(200);
  expect([asked, taken.length]).toEqual([["a", "b"], 1]);
});

test("who tells of what it lacks, or serves a forgery, is told apart; another is asked", async () => {
  const { clock, hear, bodies, asked, taken, faults } = stage();
  bodies.set("a", null);
  bodies.set("b", built(2).bytes);
  bodies.set("c", built(1).bytes);
  for (const peerId of ["a", "b", "c"]) hear(peerId);
  await clock.pass(100);
  expect(asked).toEqual(["a", "b", "c"]);
  expect(faults).toEqual([
    ["a", "missing"],
    ["b", "false"],
  ]);
  expect(taken).toEqual([built(1).transaction.transactionId]);
});

test("what found no room is not taken for seen: it may come again (weakness 32)", async () => {
  const { clock, hear, bodies, taken, pool } = stage({ countMax: 4 });
  bodies.set("a", built(1).bytes);
  bodies.set("b", built(2).bytes);
  hear("a", built(1));
  await clock.pass(100);
  hear("b", built(2));
  await clock.pass(100);
  expect(taken.length).toBe(1);
  pool.remove("r", built(1).transaction.transactionId);
  expect(hear("b", built(2)).willRequest).toBe(true);
  await clock.pass(100);
  expect(taken.length).toBe(2);
});

test("what a docket holds is neither asked for nor told", async () => {
  const id = built(1).transaction.transactionId;
  const { clock, hear, asked, gossip, told } = stage({ findSealed: async () => new Set([id]) });
  hear("a");
  await clock.pass(1_000);
  expect(asked).toEqual([]);
  expect(hear("a").alreadyKnown).toBe(true);
  gossip.offer(built(2));
  expect(gossip.drop("r", [built(2).transaction.transactionId]).length).toBe(1);
  await clock.pass(5_000);
  expect(told).toEqual([]);
});

test("a teller that lets us wait holds up nobody else, nor what others tell of as well", async () => {
  const { gossip, hear, clock, asked, taken, bodies } = stage();
  const { fetchesOfPeer } = limits.gossip;
  const many = Array.from({ length: fetchesOfPeer + 10 }, (_, index) => built(index));
  for (const one of many) hear("silent", one);
  await clock.pass(0);
  expect(asked.length).toBe(fetchesOfPeer);
  const late = many.at(-1) as ReturnType<typeof built>;
  bodies.set("honest", late.bytes);
  hear("honest", late);
  await clock.pass(limits.gossip.gatherMs);
  expect(taken).toEqual([late.transaction.transactionId]);
  bodies.set("another", built(1_000).bytes);
  hear("another", built(1_000));
  await clock.pass(limits.gossip.gatherMs);
  expect(taken.length).toBe(2);
  expect(asked.filter((peerId) => peerId === "silent").length).toBe(fetchesOfPeer);
  expect(gossip.fetching).toBe(fetchesOfPeer + 9);
});
