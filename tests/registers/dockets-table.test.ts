import { afterAll, beforeAll, expect, test } from "bun:test";
import { encodeBundle, readBundle } from "../../src/dockets/bundle.ts";
import { appendPage } from "../../src/registers/append.ts";
import { findDocketOfVersion, readBundles, readDocket } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import {
  findTransaction,
  findTransactions,
  whichExist,
} from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

const registerId = "d0c7";
// Docket 0 is the genesis docket; 4 is empty; 6 carries a control transaction.
const chain = new TestChain(registerId)
  .sealMany(3, 4)
  .seal([])
  .seal(['{"text":"Grüße, 世界 🌍","big":12345678901234567890,"a":1.0e5}'])
  .seal(['{"note":"control"}'], { type: "Control" })
  .sealMany(3, 1);
const range = { registerId, next: 0, countMax: 1_000, bytesMax: 1e9 };
const sizes = chain.bundles.map((bundle) => encodeBundle(bundle).length);

function numbers(rows: { number: number }[]): number[] {
  return rows.map((row) => row.number);
}

onEachStore("dockets and transactions", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
    await appendPage(chain.page(0, 4));
    await appendPage(chain.page(5, 9));
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  test("readBundles gives a run from the wanted docket on", async () => {
    expect(numbers(await readBundles(sql(), range))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(numbers(await readBundles(sql(), { ...range, next: 7 }))).toEqual([7, 8, 9]);
    expect(numbers(await readBundles(sql(), { ...range, next: 3, countMax: 2 }))).toEqual([3, 4]);
    expect(await readBundles(sql(), { ...range, next: 10 })).toEqual([]);
    expect(await readBundles(sql(), { ...range, registerId: "none" })).toEqual([]);
  });

  test("readBundles keeps to the bytes, and gives one docket even when it is larger", async () => {
    const two = (sizes[1] as number) + (sizes[2] as number);
    const read = (bytesMax: number) => readBundles(sql(), { ...range, next: 1, bytesMax });
    expect(numbers(await read(two))).toEqual([1, 2]);
    expect(numbers(await read(two - 1))).toEqual([1]);
    expect(numbers(await read(1))).toEqual([1]);
  });

  test("readBundles leaves the bodies out where only headers are wanted", async () => {
    const stored = await readBundles(sql(), { ...range, headersOnly: true });
    expect(stored.map(({ bundle }) => readBundle(bundle))).toEqual(
      chain.bundles.map(({ docketData }) => ({
        docketData: Buffer.from(docketData),
        transactionData: [],
      })),
    );
  });

  test("readBundles gives the policy chain alone", async () => {
    expect(numbers(await readBundles(sql(), { ...range, controlOnly: true }))).toEqual([0, 6]);
  });

  test("readBundles stops at a gap", async () => {
    const lonely = new TestChain("d0c8").sealMany(4, 1);
    await appendPage(lonely.page(0, 4));
    await sql()`DELETE FROM dockets WHERE register_id = 'd0c8' AND number = 2`;
    const read = (next: number) => readBundles(sql(), { ...range, registerId: "d0c8", next });
    expect(numbers(await read(0))).toEqual([0, 1]);
    expect(await read(2)).toEqual([]);
    expect(numbers(await read(3))).toEqual([3, 4]);
  });

  test("readDocket tells what is stored", async () => {
    const docket = await readDocket(sql(), { registerId, number: 5 });
    expect(docket).toMatchObject({
      number: 5,
      firstVersion: 14,
      transactionCount: 1,
      isSealed: true,
    });
    expect(Buffer.from(docket?.bundle ?? [])).toEqual(
      Buffer.from(encodeBundle(chain.bundles[5] as (typeof chain.bundles)[number])),
    );
    expect(await readDocket(sql(), { registerId, number: 10 })).toBeNull();
    const [first, second] = await Promise.all(
      [0, 1].map((number) => readDocket(sql(), { registerId, number })),
    );
    expect(first?.previousHash).toBe("");
    expect(second?.previousHash).toBe(first?.hash as string);
  });

  test("findDocketOfVersion finds the docket of every version and none beyond", async () => {
    const expected = chain.transactionIds.flatMap((ids, number) => ids.map(() => number));
    const found = await Promise.all(
      expected.map((_, index) => findDocketOfVersion(sql(), { registerId, version: index + 1 })),
    );
    expect(found.map((docket) => docket?.number)).toEqual(expected);
    for (const version of [0, expected.length + 1]) {
      expect(await findDocketOfVersion(sql(), { registerId, version })).toBeNull();
    }
  });

  test("findTransaction gives each document byte for byte with its place", async () => {
    let version = 0;
    for (const [docketNumber, ids] of chain.transactionIds.entries()) {
      for (const [position, transactionId] of ids.entries()) {
        version += 1;
        const found = await findTransaction(sql(), { registerId, transactionId });
        expect(found).toMatchObject({ transactionId, docketNumber, position, version });
        expect(Buffer.from(found?.data ?? [])).toEqual(
          Buffer.from(chain.bundles[docketNumber]?.transactionData[position] as Uint8Array),
        );
      }
    }
  });

  test("findTransactions tells ids apart that share a key", async () => {
    const known = chain.transactionIds[1]?.[0] as string;
    const twin = `${known.slice(0, 32)}${"0".repeat(32)}`;
    const found = await findTransactions(sql(), { registerId, transactionIds: [known, twin] });
    expect([...found.keys()]).toEqual([known]);
  });

  test("whichExist asks for many at once, and keeps registers apart", async () => {
    const held = chain.transactionIds.flat();
    const asked = [...held, ...Array.from({ length: 5_000 }, (_, index) => `unknown-${index}`)];
    expect([...(await whichExist(sql(), { registerId, transactionIds: asked }))].sort()).toEqual(
      [...held].sort(),
    );
    expect((await whichExist(sql(), { registerId: "x", transactionIds: held })).size).toBe(0);
    expect((await whichExist(sql(), { registerId, transactionIds: [] })).size).toBe(0);
  });
});
