import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { concat } from "../../src/base/bytes.ts";
import { readFrames, type TruePage, truePages, truePagesFrom } from "../../src/cli/chain.ts";
import { encodePage } from "../../src/dockets/bundle.ts";
import * as workers from "../../src/workers/pool.ts";
import { MemoryNode } from "../rest/memory-node.ts";

/** A register of 21 dockets of a few transactions, as frames of four dockets. */
let node: MemoryNode;
let registerId = "";

beforeAll(async () => {
  workers.open({ threadUrl: null, count: 0 });
  let nowMs = 1_700_000_000_000;
  node = new MemoryNode(() => (nowMs += 1_000));
  ({ registerId } = await node.createRegister({ name: "r" }));
  node.sealCount = 3;
  const lines = Array.from({ length: 60 }, (_, index) => `{"n":${index}}`);
  await node.importRecords({ registerId, importId: "i", firstLine: 1, lines });
});
afterAll(() => workers.close());

describe("truePages", () => {
  test("gives all dockets in order when every one is true", async () => {
    const pages = await all(truePages(pagesFrom(0), { registerId, acceptUnsealed: false }));
    const numbers = pages.flatMap(({ page }) => page.dockets.map((docket) => docket.number));
    expect(numbers).toEqual(Array.from({ length: 21 }, (_, index) => index));
    expect(pages.at(-1)?.next.nextNumber).toBe(21);
  });

  test("stops at the page with a changed byte and gives nothing of it", async () => {
    const bent = await all(pagesFrom(0));
    const page = bent[2] as Uint8Array;
    page[page.length - 40] = (page[page.length - 40] as number) ^ 1;
    const given: TruePage[] = [];
    const reading = (async () => {
      const pages = truePages(each(bent), { registerId, acceptUnsealed: false });
      for await (const one of pages) given.push(one);
    })();
    await expect(reading).rejects.toMatchObject({ kind: "conflict" });
    expect(given.flatMap((one) => one.page.dockets).at(-1)?.number).toBe(7);
  });

  test("refuses a page left out or given twice, another register, another genesis", async () => {
    const good = await all(pagesFrom(0));
    const doubled = [...good.slice(0, 2), ...good.slice(1)];
    const lacking = [...good.slice(0, 2), ...good.slice(3)];
    for (const pages of [doubled, lacking]) {
      const reading = all(truePages(each(pages), { registerId, acceptUnsealed: false }));
      await expect(reading).rejects.toMatchObject({ code: "refused-number" });
    }
    const foreign = all(truePages(each(good), { registerId: "other", acceptUnsealed: false }));
    await expect(foreign).rejects.toMatchObject({ code: "refused-register" });
    const pinned = { registerId, acceptUnsealed: false, genesisHash: "0".repeat(64) };
    await expect(all(truePages(each(good), pinned))).rejects.toMatchObject({
      code: "refused-genesis",
    });
  });
});

describe("truePagesFrom", () => {
  test("begins at a later docket by the policy chain", async () => {
    const [policyChain] = await all(pagesFrom(0, true));
    const options = { registerId, acceptUnsealed: false, policyChain: policyChain as never };
    const pages = await all(truePagesFrom(pagesFrom(9), options));
    expect(pages.flatMap(({ page }) => page.dockets)[0]?.number).toBe(9);
    expect(pages.at(-1)?.next.nextNumber).toBe(21);
    const genesisHash = node.getRegister(registerId)?.genesisHash ?? "";
    const pinned = await all(truePagesFrom(pagesFrom(9), { ...options, genesisHash }));
    expect(pinned).toHaveLength(pages.length);
    const other = { ...options, genesisHash: "0".repeat(64) };
    await expect(all(truePagesFrom(pagesFrom(9), other))).rejects.toMatchObject({
      code: "refused-genesis",
    });
  });
});

describe("readFrames", () => {
  test("finds the frames however they are cut up, and says when the end is missing", async () => {
    const pages = await all(pagesFrom(0));
    const framed = concat([...pages.flatMap((page) => [lengthOf(page.length), page]), lengthOf(0)]);
    for (const size of [1, 3, 100, 1 << 20]) {
      const found = await all(readFrames(cut(framed, size)));
      expect(found.map((page) => page.length)).toEqual(pages.map((page) => page.length));
      expect(concat(found)).toEqual(concat(pages));
    }
    for (const end of [framed.length - 4, framed.length - 50, 2, 0]) {
      const reading = all(readFrames(cut(framed.subarray(0, end), 1_000)));
      await expect(reading).rejects.toMatchObject({ code: "cut-off" });
    }
  });

  test("refuses a frame that claims to be larger than any is", async () => {
    const reading = all(readFrames(cut(lengthOf(2 ** 31), 4)));
    await expect(reading).rejects.toMatchObject({ code: "bad-frame" });
  });
});

async function* pagesFrom(
  from: number,
  controlOnly = false,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let next = from; ; ) {
    const range = { registerId, next, countMax: 4, bytesMax: 2 ** 20, controlOnly };
    const found = await node.readBundles(range);
    const last = found.at(-1);
    if (last === undefined) return;
    yield encodePage({ bundles: found.map((one) => one.bundle), headNumber: 20, firstVersion: 1 });
    next = last.number + 1;
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function lengthOf(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
