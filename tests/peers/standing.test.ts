import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Advert } from "../../src/peers/advert.ts";
import { availableRegisters, sourcesOf } from "../../src/peers/adverts.ts";
import * as bookHolder from "../../src/peers/book.ts";
import { Book } from "../../src/peers/book.ts";
import { identityOf, isRecordGenuine } from "../../src/peers/identity.ts";
import type { Peer } from "../../src/peers/peer.ts";
import { recordBytes } from "../../src/peers/record.ts";
import { ban, expire, quarantine } from "../../src/peers/standing.ts";
import { limits } from "../../src/runtime/limits.ts";

let nowMs = 1_000_000;
const book = new Book({ ownId: "us", nowMs: () => nowMs, isGenuine: isRecordGenuine });
beforeAll(() => bookHolder.open(book));
afterAll(() => bookHolder.close());

function advert(docketCount: number, changes: Partial<Advert> = {}): Advert {
  return {
    registerId: "ledger",
    syncState: "FullyReplicated",
    latestVersion: docketCount,
    latestDocketVersion: docketCount - 1,
    docketCount,
    hasFullReplica: true,
    isPublic: true,
    genesisHash: "a".repeat(64),
    name: "ledger",
    description: null,
    ...changes,
  };
}

function meet(peerId: string, seedByte: number): Peer {
  const identity = identityOf(peerId, new Uint8Array(32).fill(seedByte));
  const record = {
    peerId,
    host: `10.0.0.${seedByte}`,
    port: 5001,
    protocols: [],
    adverts: [],
    publicKey: identity.publicKey,
    seq: 1,
    signature: null,
    lastSeenMs: 0,
  };
  const signature = identity.sign(recordBytes(record));
  const learned = book.learn({ ...record, signature }, "itself");
  if (learned.kind === "refused") throw new Error(learned.code);
  learned.peer.connection = "connected";
  return learned.peer;
}

test("quarantine leaves a liar alone for a while, but is never all that is left (one source)", () => {
  const [liar, honest] = [meet("liar", 1), meet("honest", 2)];
  for (const peer of [liar, honest]) book.setAdverts(peer, [advert(10)]);
  quarantine(book, "liar", { code: "merkle", reason: "It served something false" });
  expect(sourcesOf("ledger").map((source) => source.peerId)).toEqual(["honest"]);
  book.setAdverts(honest, []);
  expect(sourcesOf("ledger").map((source) => source.peerId)).toEqual(["liar"]);
  nowMs += limits.quarantineMs + 1;
  expect(book.isResting(liar)).toBe(false);
  quarantine(book, "liar", { code: "merkle", reason: "Again" });
  expect(liar.quarantine?.untilMs).toBe(nowMs + 2 * limits.quarantineMs);
  const why = book.journal.of("liar").filter((entry) => entry.type === "peer.quarantined");
  expect(why.map((entry) => entry.untilMs)).toEqual([expect.any(Number), liar.quarantine?.untilMs]);
});

test("available believes no height that one of many tells, no other genesis, no banned peer (weakness 59)", () => {
  nowMs += 2 * limits.quarantineLongestMs;
  for (const [at, peerId] of ["p1", "p2", "p3"].entries()) {
    book.setAdverts(meet(peerId, 10 + at), [advert(10 + at)]);
  }
  book.setAdverts(meet("inventor", 20), [advert(1_000_000)]);
  book.setAdverts(meet("stranger", 21), [advert(9_999_999, { genesisHash: "b".repeat(64) })]);
  const row = () => availableRegisters([]).find((one) => one.registerId === "ledger");
  expect(row()).toMatchObject({
    peerCount: 4,
    latestDocketVersion: 11,
    genesisHash: "a".repeat(64),
  });
  ban(book, "inventor", null);
  expect(row()).toMatchObject({ peerCount: 3, latestDocketVersion: 10 });
  nowMs += limits.advertMs + 1;
  expect(row()).toBeUndefined();
});

test("a peer that was not seen for days is forgotten, so that its name may come with a new key", () => {
  const peer = meet("replaced", 30);
  const other = identityOf("replaced", new Uint8Array(32).fill(31));
  const record = { ...(peer.record as NonNullable<Peer["record"]>), publicKey: other.publicKey };
  const signature = other.sign(recordBytes(record));
  expect(book.learn({ ...record, signature }, "itself")).toMatchObject({ code: "key-mismatch" });
  peer.connection = "disconnected";
  nowMs += limits.forgetPeerMs + 1;
  expect(expire(book)).toContain("replaced");
  expect(book.learn({ ...record, signature }, "itself")).toMatchObject({ kind: "new" });
});

test("a heartbeat is not a write (weakness 57)", () => {
  const peer = meet("beating", 40);
  book.takeDirty();
  for (let beat = 0; beat < 100; beat += 1) {
    book.reportSuccess(peer.peerId, { latencyMs: 5, what: "It answered a heartbeat" });
  }
  const rated = book.takeDirty({ all: false }).changed;
  expect(rated.length).toBeLessThanOrEqual(1);
  const entries = book.journal.of("beating").filter((entry) => entry.type === "peer.answered");
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ count: 100 });
});
