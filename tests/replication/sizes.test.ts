import { expect, test } from "bun:test";
import { Sizes } from "../../src/replication/sizes.ts";
import { limits } from "../../src/runtime/limits.ts";

const page = { bytes: new Uint8Array(1_000_000), docketCount: 1_000 };
const shareBytes = limits.catchUpBytes;

test("no more is fetched ahead of a slow store than keeps it busy", () => {
  const sizes = new Sizes();
  const slowSource = sizes.after(page, { isStoreBehind: false, shareBytes });
  const slowStore = sizes.after(page, { isStoreBehind: true, shareBytes });
  expect(slowSource.windowMax).toBe(Math.floor(limits.catchUpBytes / 1_000));
  expect(slowStore.windowMax).toBe(Math.floor(limits.storeAheadBytes / 1_000));
  expect(slowStore.rangeMax).toBe(slowSource.rangeMax);
});

test("a range fits into what may be fetched ahead of a slow store", () => {
  const { rangeMax, windowMax } = new Sizes().after(page, { isStoreBehind: true, shareBytes });
  expect(windowMax).toBeGreaterThan(rangeMax);
});

test("no more is fetched ahead than a register's share of what the node may hold", () => {
  const share = { isStoreBehind: false, shareBytes: 1_000_000 };
  expect(new Sizes().after(page, share)).toEqual({ rangeMax: 250, windowMax: 1_000 });
});
