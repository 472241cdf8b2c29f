import { afterAll, beforeAll, expect, test } from "bun:test";
import { encodeBundle } from "../../src/dockets/bundle.ts";
import { appendPage } from "../../src/registers/append.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("append", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  test("appendPage stores dockets byte for byte and moves the head", async () => {
    const chain = new TestChain("aa01").sealMany(5, 3);
    expect(await appendPage(chain.page(0, 2))).toMatchObject({ number: 2 });
    expect(await appendPage(chain.page(3, 5), { sourcePeerId: "b" })).toMatchObject({ number: 5 });
    const stored = await readBundles(sql(), {
      registerId: "aa01",
      next: 0,
      countMax: 100,
      bytesMax: 1e9,
    });
    expect(stored.map((one) => Buffer.from(one.bundle).toString("hex"))).toEqual(
      chain.bundles.map((bundle) => Buffer.from(encodeBundle(bundle)).toString("hex")),
    );
    expect(stored.map((one) => one.firstVersion)).toEqual([1, 2, 5, 8, 11, 14]);
    expect(heads.registerOf("aa01")).toMatchObject({
      headNumber: 5,
      latestVersion: 16,
      transactionCount: 16,
      verification: "sealed",
    });
  });
});
