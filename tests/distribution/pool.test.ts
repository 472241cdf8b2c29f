import { expect, test } from "bun:test";
import { type Pending, Pool } from "../../src/distribution/pool.ts";
import { Seen } from "../../src/distribution/seen.ts";

let nowMs = 0;
const monotonicMs = () => nowMs;

function stage(countMax: number, bytesMax = 1_000_000) {
  const evicted: string[] = [];
  const pool = new Pool({
    countMax,
    bytesMax,
    ageMs: 1_000,
    monotonicMs,
    onEvicted: ({ transaction }, why) => evicted.push(`${transaction.transactionId} ${why}`),
  });
  return { pool, evicted };
}

function pending(
  id: string,
  by: { from?: string | null; author?: string; bytes?: number },
): Pending {
  const { from = "p", author = "k", bytes = 10 } = by;
  const signatures = [{ publicKey: author, signatureValue: "", algorithm: "ED25519" }];
  const rest = { registerId: "r", payloadJson: "", payloadHash: "", createdAt: "", signatures };
  const transaction = { transactionId: id, ...rest };
  return { transaction, bytes: new Uint8Array(bytes), from, atMs: nowMs };
}

test("one author fills a quarter of the pool, and one peer a half", () => {
  const { pool } = stage(8);
  expect(pool.add(pending("a1", { author: "a" }))).toBeNull();
  expect(pool.add(pending("a2", { author: "a" }))).toBeNull();
  expect(pool.add(pending("a3", { author: "a" }))).toBe("author");
  expect(pool.add(pending("b1", { author: "b" }))).toBeNull();
  expect(pool.add(pending("b2", { author: "b" }))).toBeNull();
  expect(pool.add(pending("c1", { author: "c" }))).toBe("peer");
  expect(pool.add(pending("c1", { author: "c", from: "q" }))).toBeNull();
  expect(pool.count).toBe(5);
});

test("the same holds for bytes: a giant does not fit where its author has its share", () => {
  const { pool } = stage(100, 400);
  expect(pool.add(pending("big", { bytes: 101 }))).toBe("author");
  expect(pool.add(pending("fits", { bytes: 100 }))).toBeNull();
  expect(pool.bytes).toBe(100);
});

test("a full pool parts with the oldest of who has most, says so, and never with our own", () => {
  const { pool, evicted } = stage(4);
  pool.add(pending("own", { from: null }));
  for (const [index, author] of ["a", "b", "c", "d"].entries()) {
    expect(pool.add(pending(author, { author, from: `p${index % 2}` }))).toBeNull();
  }
  expect(pool.add(pending("e", { author: "e", from: "p9" }))).toBeNull();
  expect(evicted).toEqual(["a full"]);
  expect(pool.get("r", "own")).not.toBeNull();
  expect([...pool.of("r")].map(({ transaction }) => transaction.transactionId)).toEqual([
    "own",
    "b",
    "c",
    "d",
    "e",
  ]);
});

test("what peers brought goes with time, our own stays", () => {
  const { pool, evicted } = stage(10);
  pool.add(pending("own", { from: null }));
  pool.add(pending("theirs", {}));
  nowMs += 1_001;
  pool.expire();
  expect(evicted).toEqual(["theirs age"]);
  expect(pool.count).toBe(1);
  expect(pool.bytes).toBe(0);
});

test("what was seen is bounded by number and by age (weakness 32)", () => {
  const seen = new Seen({ countMax: 3, ageMs: 1_000, monotonicMs });
  for (const key of ["a", "b", "c", "d"]) seen.add(key);
  expect([seen.size, seen.has("a"), seen.has("d")]).toEqual([3, false, true]);
  nowMs += 1_001;
  expect(seen.has("d")).toBe(false);
  seen.add("e");
  expect(seen.size).toBe(1);
});
