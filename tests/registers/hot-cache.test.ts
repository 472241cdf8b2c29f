import { describe, expect, test } from "bun:test";
import { encodeBundle } from "../../src/dockets/bundle.ts";
import type { StoredBundle } from "../../src/registers/dockets-table.ts";
import { HotCache } from "../../src/registers/hot-cache.ts";
import { limits } from "../../src/runtime/limits.ts";

const kiB = 1024;

function docket(number: number, options: { bytes?: number; transactions?: number } = {}) {
  const { bytes = kiB, transactions = 1 } = options;
  const bundle = new Uint8Array(bytes);
  return { number, bundle, firstVersion: number + 1, transactionCount: transactions };
}

function run(from: number, to: number, options?: Parameters<typeof docket>[1]): StoredBundle[] {
  return Array.from({ length: to - from + 1 }, (_, index) => docket(from + index, options));
}

function read(
  cache: HotCache,
  next: number,
  more: { registerId?: string; countMax?: number } = {},
) {
  const { registerId = "r", countMax = 1e6 } = more;
  const found = cache.read({ registerId, next, countMax, bytesMax: 1e9 });
  return found?.map((one) => one.number) ?? null;
}

describe("HotCache", () => {
  test("knows a docket's document by its bytes", () => {
    const cache = new HotCache({ bytesMax: 1e9 });
    const docketData = new TextEncoder().encode("the docket");
    const bundle = encodeBundle({ docketData, transactionData: [new Uint8Array(9)] });
    cache.keepCommitted("r", [{ number: 5, bundle, firstVersion: 1, transactionCount: 1 }]);
    const shown = { registerId: "r", number: 5, docketData };
    expect(cache.holds(shown)).toBe(true);
    expect(cache.holds({ ...shown, number: 6 })).toBe(false);
    expect(cache.holds({ ...shown, registerId: "s" })).toBe(false);
    expect(cache.holds({ ...shown, docketData: docketData.toReversed() })).toBe(false);
    expect(cache.holds({ ...shown, docketData: new Uint8Array(99) })).toBe(false);
    expect(cache.figures()).toMatchObject({ hits: 0, misses: 0 });
  });

  test("gives what was committed, from any docket on, as the same bytes", () => {
    const cache = new HotCache({ bytesMax: 1e9 });
    const dockets = run(5, 9);
    cache.keepCommitted("r", dockets);
    expect(read(cache, 7)).toEqual([7, 8, 9]);
    expect(read(cache, 5, { countMax: 2 })).toEqual([5, 6]);
    const range = { registerId: "r", next: 5, countMax: 9, bytesMax: 2 * kiB };
    expect(cache.read(range)?.map((one) => one.number)).toEqual([5, 6]);
    expect(cache.read({ ...range, bytesMax: 1 })?.map((one) => one.number)).toEqual([5]);
    expect(cache.read(range)?.[0]?.bundle).toBe(dockets[0]?.bundle as Uint8Array);
    expect(read(cache, 4)).toBeNull();
    expect(read(cache, 10)).toBeNull();
    expect(cache.read({ ...range, controlOnly: true })).toBeNull();
    expect(cache.figures()).toMatchObject({ hits: 5, misses: 3, dockets: 5, transactions: 5 });
  });

  test("never holds a gap: what does not follow takes the place of what was there", () => {
    const cache = new HotCache({ bytesMax: 1e9 });
    cache.keepCommitted("r", run(0, 4));
    cache.keepCommitted("r", run(9, 11));
    expect(read(cache, 0)).toBeNull();
    expect(read(cache, 9)).toEqual([9, 10, 11]);
    cache.keepRead("r", run(2, 4));
    expect(read(cache, 2)).toBeNull();
    cache.keepRead("r", run(6, 9));
    expect(read(cache, 6)).toEqual([6, 7, 8, 9, 10, 11]);
  });

  test("is bounded by dockets and by transactions a register, the oldest go", () => {
    const many = new HotCache({ bytesMax: 1e9 });
    many.keepCommitted("r", run(0, limits.hotDockets + 9, { bytes: 1 }));
    expect(many.figures().dockets).toBe(limits.hotDockets);
    expect(read(many, 9)).toBeNull();
    expect(read(many, 10, { countMax: 1 })).toEqual([10]);
    const full = new HotCache({ bytesMax: 1e9 });
    full.keepCommitted("r", run(0, 10, { transactions: limits.hotTransactions / 10 }));
    expect(full.figures()).toMatchObject({ dockets: 10, transactions: limits.hotTransactions });
    expect(read(full, 0)).toBeNull();
  });

  test("is bounded by bytes over all registers: the one that takes the most gives", () => {
    const cache = new HotCache({ bytesMax: 64 * kiB });
    cache.keepCommitted("quiet", run(100, 101));
    cache.keepCommitted("bulk", run(0, 999));
    const figures = cache.figures();
    expect(figures.bytes).toBeLessThanOrEqual(64 * kiB);
    expect(figures.bytes).toBeGreaterThan(60 * kiB);
    expect(read(cache, 100, { registerId: "quiet" })).toEqual([100, 101]);
    expect(read(cache, 999, { registerId: "bulk" })).toEqual([999]);
    expect(read(cache, 0, { registerId: "bulk" })).toBeNull();
  });

  test("what is read pushes out nothing newer, and bytes are counted to the last", () => {
    const cache = new HotCache({ bytesMax: 16 * kiB });
    cache.keepCommitted("r", run(90, 99));
    cache.keepRead("r", run(80, 89));
    const [oldest] = [80, 81, 82, 83, 84, 85, 86, 87, 88, 89].filter(
      (n) => read(cache, n) !== null,
    );
    expect(read(cache, oldest as number)?.at(-1)).toBe(99);
    expect(cache.figures().bytes).toBeLessThanOrEqual(16 * kiB);
    const { drops } = cache;
    cache.drop("r");
    expect(cache.figures()).toMatchObject({ bytes: 0, dockets: 0, transactions: 0, registers: 0 });
    expect(cache.drops).toBeGreaterThan(drops);
  });

  test("a docket larger than all of it is not kept, and a cache of nothing keeps nothing", () => {
    for (const bytesMax of [0, kiB]) {
      const cache = new HotCache({ bytesMax });
      cache.keepCommitted("r", [docket(0, { bytes: 2 * kiB })]);
      expect(read(cache, 0)).toBeNull();
      expect(cache.figures()).toMatchObject({ bytes: 0, registers: 0 });
    }
  });
});
