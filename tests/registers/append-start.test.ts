import { afterAll, beforeAll, expect, test } from "bun:test";
import { joinPage } from "../../src/dockets/join.ts";
import { appendPage } from "../../src/registers/append.ts";
import { appendStart } from "../../src/registers/append-start.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { findTransaction } from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { startOf } from "../support/start-of.ts";
import { TestChain } from "../support/test-chain.ts";

/** Docket 4 of nine carries a control transaction. */
function makeChain(registerId: string): TestChain {
  return new TestChain(registerId)
    .sealMany(3, 2)
    .seal(['{"note":"control"}'], { type: "Control" })
    .sealMany(5, 2);
}

onEachStore("appendStart", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  async function numbersFrom(registerId: string, options: { next: number; controlOnly?: boolean }) {
    const range = { registerId, countMax: 100, bytesMax: 1e9, ...options };
    return (await readBundles(sql(), range)).map((one) => one.number);
  }

  test("appendStart stores policy chain and head, and appendPage goes on from there", async () => {
    const chain = makeChain("f0");
    const first = startOf(chain, { control: [0, 4], head: 7 });
    expect(await appendStart(first, { sourcePeerId: "b" })).toMatchObject({ number: 7 });
    expect(heads.registerOf("f0")).toMatchObject({
      firstNumber: 7,
      headNumber: 7,
      // Genesis 1, dockets 1 to 3 two each, docket 4 one, dockets 5 to 7 two each.
      latestVersion: 14,
      transactionCount: 4,
    });
    const joined = joinPage(
      heads.anchorOf("f0") as NonNullable<ReturnType<typeof heads.anchorOf>>,
      chain.check(8, 9),
    );
    if (!joined.ok) throw new Error(joined.refusal.message);
    expect(await appendPage(joined.value)).toMatchObject({ number: 9 });
    expect(await numbersFrom("f0", { next: 7 })).toEqual([7, 8, 9]);
    expect(await numbersFrom("f0", { next: 5 })).toEqual([]);
    expect(await numbersFrom("f0", { next: 0, controlOnly: true })).toEqual([0, 4]);
    const id = (number: number) => chain.transactionIds[number]?.[0] as string;
    const versions = await Promise.all(
      [0, 4, 8].map((number) =>
        findTransaction(sql(), { registerId: "f0", transactionId: id(number) }),
      ),
    );
    expect(versions.map((found) => found?.version)).toEqual([1, null, 15]);
  });

  test("appendStart without a head page begins where the policy chain ends", async () => {
    const chain = new TestChain("f1").sealMany(3, 2).seal(["{}"], { type: "Control" });
    const first = startOf(chain, { control: [0, 4], head: null });
    await appendStart(first, { firstVersion: 8 });
    expect(heads.registerOf("f1")).toMatchObject({
      firstNumber: 4,
      headNumber: 4,
      latestVersion: 8,
    });
  });

  test("appendStart of a register that is only its genesis is a full replica", async () => {
    const chain = new TestChain("f2");
    await appendStart(startOf(chain, { control: [0], head: null }));
    expect(heads.registerOf("f2")).toMatchObject({
      firstNumber: 0,
      headNumber: 0,
      latestVersion: 1,
    });
  });

  test("appendStart counts neighbours of the head into the unbroken run", async () => {
    const chain = makeChain("f3");
    await appendStart(startOf(chain, { control: [0, 4], head: 5 }));
    expect(heads.registerOf("f3")).toMatchObject({ firstNumber: 4, headNumber: 5 });
  });

  test("appendStart says moved, and writes nothing, where something is held", async () => {
    const chain = makeChain("f4");
    await appendPage(chain.page(0, 2));
    expect(await appendStart(startOf(chain, { control: [0, 4], head: 7 }))).toBe("moved");
    expect(await numbersFrom("f4", { next: 0 })).toEqual([0, 1, 2]);
  });
});
