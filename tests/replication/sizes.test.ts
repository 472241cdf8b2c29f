import { expect, test } from "bun:test";
import type { Advert } from "../../src/peers/advert.ts";
import { Sizes } from "../../src/replication/sizes.ts";
import { limits } from "../../src/runtime/limits.ts";

const page = { bytes: new Uint8Array(1_000_000), docketCount: 1_000 };
const given = { isStoreBehind: false, lanes: 3 };

function sizesOf(shareBytes: number = limits.catchUpBytes): Sizes {
  const sizes = new Sizes({ shareBytes });
  sizes.came(page);
  return sizes;
}

test("no more is fetched ahead of a slow store than keeps it busy", () => {
  const slowSource = sizesOf().bounds(given);
  const slowStore = sizesOf().bounds({ ...given, isStoreBehind: true });
  expect(slowSource.windowMax).toBe(Math.floor(limits.catchUpBytes / 1_000));
  expect(slowStore.windowMax).toBe(Math.floor(limits.storeAheadBytes / 1_000));
  expect(slowStore.rangeMax).toBe(slowSource.rangeMax);
});

test("a range fits into what may be fetched ahead of a slow store", () => {
  const { rangeMax, windowMax } = sizesOf().bounds({ ...given, isStoreBehind: true });
  expect(windowMax).toBeGreaterThan(rangeMax);
});

test("no more is fetched ahead than a register's share of what the node may hold", () => {
  const sizes = sizesOf(1_000_000);
  expect(sizes.bounds(given)).toMatchObject({ rangeMax: 250, windowMax: 1_000 });
  expect(sizes.bounds({ ...given, lanes: 10 }).rangeMax).toBe(100);
  expect(sizes.bytesMax(1_000, 10)).toBe(100_000);
});

test("what a source says of its transactions is believed until dockets have come", () => {
  const advert = { latestVersion: 1_000_000, latestDocketVersion: 9_999 } as Advert;
  const sizes = new Sizes({ shareBytes: limits.catchUpBytes });
  const small = sizes.bounds(given).firstCount;
  sizes.expect(advert);
  expect(small).toBeGreaterThan(50);
  expect(sizes.bounds(given).firstCount).toBe(1);
  // Nothing that it says makes a question empty or endless.
  for (const [latestVersion, latestDocketVersion] of [
    [Number.MAX_SAFE_INTEGER, 0],
    [0, -1],
    [-5, 3],
  ] as const) {
    sizes.expect({ latestVersion, latestDocketVersion } as Advert);
    const { firstCount, rangeMax } = sizes.bounds(given);
    expect(firstCount).toBeGreaterThan(0);
    expect(rangeMax).toBeLessThan(5_000);
  }
  sizes.came(page);
  expect(sizes.bounds(given).firstCount).toBe(262);
});
