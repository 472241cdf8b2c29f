import { describe, expect, test } from "bun:test";
import { Book } from "../../src/peers/book.ts";
import { type Identity, identityOf, isRecordGenuine } from "../../src/peers/identity.ts";
import type { Learned } from "../../src/peers/learned.ts";
import { type PeerRecord, recordBytes } from "../../src/peers/record.ts";
import { limits } from "../../src/runtime/limits.ts";
import { nodeIdOfKey } from "../../src/trust/node-key.ts";

let nowMs = 1_000_000;

function newBook(): Book {
  return new Book({ ownId: "us", nowMs: () => nowMs, isGenuine: isRecordGenuine });
}

function identity(nodeId: string, seedByte: number): Identity {
  return identityOf(nodeId, new Uint8Array(32).fill(seedByte));
}

function unsigned(peerId: string, changes: Partial<PeerRecord> = {}): PeerRecord {
  return {
    peerId,
    host: "127.0.0.1",
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
  const record = unsigned(by.nodeId, { publicKey: by.publicKey, seq: 1, ...changes });
  return { ...record, signature: by.sign(recordBytes(record)) };
}

function codeOf(learned: Learned): string {
  return learned.kind === "refused" ? learned.code : learned.kind;
}

describe("Book.learn", () => {
  test("takes a newcomer, and knows it again", () => {
    const book = newBook();
    const bob = identity("bob", 1);
    expect(codeOf(book.learn(signed(bob), "itself"))).toBe("new");
    expect(codeOf(book.learn(signed(bob), "gossip"))).toBe("known");
  });

  test("replaces a record only by one with the same key and a higher sequence", () => {
    const book = newBook();
    const bob = identity("bob", 1);
    book.learn(signed(bob, { seq: 5 }), "itself");
    expect(codeOf(book.learn(signed(bob, { seq: 4, port: 6000 }), "gossip"))).toBe("known");
    expect(book.get("bob")?.port).toBe(5001);
    expect(codeOf(book.learn(signed(bob, { seq: 6, port: 6000 }), "gossip"))).toBe("updated");
    expect(book.get("bob")?.port).toBe(6000);
  });

  test("refuses to move a signed peer's address by a stranger's or an unsigned record", () => {
    const book = newBook();
    book.learn(signed(identity("bob", 1)), "itself");
    const stranger = signed(identity("bob", 2), { seq: 99, host: "127.0.0.9" });
    expect(codeOf(book.learn(stranger, "itself"))).toBe("key-mismatch");
    expect(codeOf(book.learn(unsigned("bob", { host: "127.0.0.9" }), "itself"))).toBe(
      "key-mismatch",
    );
    expect(book.get("bob")?.host).toBe("127.0.0.1");
  });

  test("in the open, who came first keeps the name; the conflict is noted, and told once", () => {
    const conflicts: string[] = [];
    const book = new Book({
      ownId: "us",
      nowMs: () => nowMs,
      isGenuine: isRecordGenuine,
      onConflict: ({ peerId, teller }) => conflicts.push(`${peerId} ${teller}`),
    });
    book.learn(signed(identity("bob", 1)), "gossip");
    for (let times = 0; times < 100; times += 1) {
      expect(codeOf(book.learn(signed(identity("bob", 2)), "itself"))).toBe("key-mismatch");
    }
    expect(conflicts).toEqual(["bob itself"]);
    expect(book.journal.of("bob").map((entry) => entry.type)).toEqual(["peer.conflict"]);
    nowMs += limits.conflictNewsMs + 1;
    book.learn(signed(identity("bob", 2)), "gossip");
    expect(conflicts).toHaveLength(2);
  });

  test("a certified owner takes its name from a stranger's record, and loses it to none (weakness 17)", () => {
    const book = newBook();
    const [squatter, owner, other] = [1, 2, 3].map((seed) => identity("bob", seed)) as [
      Identity,
      Identity,
      Identity,
    ];
    const told = book.learn(signed(squatter, { seq: 1e15, host: "10.9.9.9" }), "itself");
    if (told.kind === "refused") throw new Error(told.code);
    book.setAuthenticated(told.peer);
    const isCertified = true;
    expect(codeOf(book.learn(signed(owner), "caller", { isCertified }))).toBe("updated");
    expect(book.get("bob")).toMatchObject({
      host: "127.0.0.1",
      publicKey: owner.publicKey,
      isCertified: true,
      isTried: false,
      score: { isAuthenticated: false },
    });
    for (const teller of ["itself", "caller", "gossip"] as const) {
      expect(codeOf(book.learn(signed(squatter, { seq: 2e15 }), teller))).toBe("key-mismatch");
    }
    // The same name with a certificate and a new key: a wiped data directory, which is asked about.
    expect(codeOf(book.learn(signed(other), "itself", { isCertified }))).toBe("key-mismatch");
  });

  test("a certified name without a key is not taken by who signs for himself (weakness 17)", () => {
    const book = newBook();
    book.learn(unsigned("net"), "caller", { isCertified: true });
    const thief = signed(identity("net", 5), { host: "127.0.0.9" });
    expect(codeOf(book.learn(thief, "gossip"))).toBe("known");
    expect(codeOf(book.learn(thief, "caller"))).toBe("known");
    expect(book.get("net")).toMatchObject({ host: "127.0.0.1", publicKey: null });
  });

  test("a name that is that of a key belongs to this key, whoever comes first", () => {
    const book = newBook();
    const { publicKey } = identity("", 6);
    const name = nodeIdOfKey(publicKey);
    expect(codeOf(book.learn(signed(identity(name, 7)), "itself"))).toBe("key-mismatch");
    expect(codeOf(book.learn(unsigned(name), "caller"))).toBe("new");
    expect(codeOf(book.learn(signed(identity(name, 6)), "gossip"))).toBe("updated");
    expect(book.get(name)).toMatchObject({ publicKey, isCertified: true });
  });

  test("refuses a record whose signature isn't true", () => {
    const book = newBook();
    const forged = { ...signed(identity("bob", 1)), host: "127.0.0.9" };
    expect(codeOf(book.learn(forged, "gossip"))).toBe("key-mismatch");
    expect(book.get("bob")).toBeNull();
  });

  test("hearsay can't change an unsigned peer, itself can", () => {
    const book = newBook();
    book.learn(unsigned("net"), "itself");
    expect(codeOf(book.learn(unsigned("net", { port: 7000 }), "gossip"))).toBe("known");
    expect(book.get("net")?.port).toBe(5001);
    expect(codeOf(book.learn(unsigned("net", { port: 7000 }), "itself"))).toBe("updated");
  });

  test("neither gossip nor a new registration clears a ban", () => {
    const book = newBook();
    const bob = identity("bob", 1);
    const learned = book.learn(signed(bob), "itself");
    if (learned.kind === "refused") throw new Error("not learned");
    book.markBanned(learned.peer, { atMs: nowMs, reason: null });
    expect(codeOf(book.learn(signed(bob, { seq: 9 }), "itself"))).toBe("banned");
    expect(codeOf(book.learn(signed(bob, { seq: 9 }), "gossip"))).toBe("banned");
    expect(book.isBanned("bob")).toBe(true);
    expect(book.usable()).toEqual([]);
  });

  test("a network's word makes nobody a seed, and hearsay is not having been seen", () => {
    const book = newBook();
    book.learn(unsigned("net", { lastSeenMs: 5 }), "gossip");
    expect(book.get("net")?.isSeed).toBe(false);
    expect(book.get("net")?.lastSeenMs).toBe(0);
  });

  test("refuses itself, odd ids and addresses that nobody can dial", () => {
    const book = newBook();
    expect(codeOf(book.learn(unsigned("us"), "itself"))).toBe("self");
    expect(codeOf(book.learn(unsigned("a b"), "itself"))).toBe("bad-id");
    expect(codeOf(book.learn(unsigned(""), "itself"))).toBe("bad-id");
    for (const changes of [
      { port: 0 },
      { port: 70_000 },
      { host: "" },
      { host: "a/b" },
      { host: "0.0.0.0" },
      { host: "user@host" },
    ]) {
      expect(codeOf(book.learn(unsigned("bob", changes), "itself"))).toBe("bad-address");
    }
  });

  test("a flood of hearsay fills the book but keeps nobody out who is really there", () => {
    const book = newBook();
    book.learn(signed(identity("good", 1)), "itself");
    for (let count = 0; count < limits.peers + 100; count += 1) {
      book.learn(unsigned(`junk-${count}`), "gossip", { sourceGroup: "10.6" });
    }
    const { bucketSize, reach } = limits.newBuckets;
    expect(book.list().length).toBeLessThanOrEqual(bucketSize * reach + 1);
    expect(codeOf(book.learn(signed(identity("late", 2)), "itself"))).toBe("new");
    expect(book.get("good")).not.toBeNull();
  });

  test("adverts of a register without dockets, and more than the bound, are cut", () => {
    const book = newBook();
    const advert = (registerId: string, docketCount: number) => ({
      registerId,
      docketCount,
      syncState: "Active" as const,
      latestVersion: 0,
      latestDocketVersion: 0,
      hasFullReplica: false,
      isPublic: true,
      genesisHash: null,
      name: null,
      description: null,
    });
    const many = Array.from({ length: limits.advertsPerPeer + 5 }, (_, i) => advert(`r${i}`, 1));
    const learned = book.learn(
      unsigned("net", { adverts: [advert("empty", 0), ...many] }),
      "itself",
    );
    if (learned.kind === "refused") throw new Error("not learned");
    expect(learned.peer.adverts.has("empty")).toBe(false);
    expect(learned.peer.adverts.size).toBeLessThanOrEqual(limits.advertsPerPeer);
  });
});

describe("Book scores", () => {
  test("failures sink a peer below one that answers; a lie sinks it further", () => {
    const book = newBook();
    for (const id of ["good", "slow", "liar"]) book.learn(unsigned(id), "itself");
    for (let call = 0; call < 20; call += 1) book.reportSuccess("good", { latencyMs: 5 });
    book.reportFailure("slow");
    book.reportFailure("liar", { weight: 20 });
    const points = (id: string) =>
      book.pointsOf(book.get(id) as NonNullable<ReturnType<Book["get"]>>);
    expect(points("good")).toBeGreaterThan(points("slow"));
    expect(points("slow")).toBeGreaterThan(points("liar"));
    nowMs += 1;
  });
});
