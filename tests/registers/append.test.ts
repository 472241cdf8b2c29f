import { afterAll, beforeAll, expect, test } from "bun:test";
import { assert, present } from "../../src/base/assert.ts";
import { isEqual, textOf } from "../../src/base/bytes.ts";
import { encodeBundle } from "../../src/dockets/bundle.ts";
import type { VerifiedPage } from "../../src/dockets/types.ts";
import { appendPage, appendPages } from "../../src/registers/append.ts";
import { readCheckpoint } from "../../src/registers/checkpoints-table.ts";
import { readBundles, readDocket, readUnchecked } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { readRegisterRow } from "../../src/registers/registers-table.ts";
import { findTransaction } from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("append", () => {
  let registerCount = 0;
  const newId = () => `aa${registerCount++}`;

  beforeAll(async () => {
    await heads.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  test("appendPage stores dockets byte for byte and moves head and checkpoint", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(5, 3);
    expect(await appendPage(chain.page(0, 2))).toMatchObject({ number: 2 });
    expect(await appendPage(chain.page(3, 5), { sourcePeerId: "b" })).toMatchObject({ number: 5 });
    const stored = await readBundles(sql(), { registerId, next: 0, countMax: 100, bytesMax: 1e9 });
    expect(stored.map((one) => Buffer.from(one.bundle).toString("hex"))).toEqual(
      chain.bundles.map((bundle) => Buffer.from(encodeBundle(bundle)).toString("hex")),
    );
    expect(stored.map((one) => one.firstVersion)).toEqual([1, 2, 5, 8, 11, 14]);
    expect(heads.registerOf(registerId)).toMatchObject({
      headNumber: 5,
      latestVersion: 16,
      transactionCount: 16,
      bytes: stored.reduce((sum, one) => sum + one.bundle.length, 0),
      verification: "sealed",
      isOrigin: false,
    });
    const head = heads.registerOf(registerId)?.headHash as string;
    expect(await readCheckpoint(sql(), registerId)).toMatchObject({
      number: 5,
      hash: head,
      sourcePeerId: "b",
    });
  });

  test("heads.open finds what appendPage left, to the last field", async () => {
    const registerId = newId();
    await appendPage(new TestChain(registerId).sealMany(2).page(0, 2), { isOrigin: true });
    const before = heads.listRegisters();
    heads.close();
    await heads.open();
    expect(heads.listRegisters()).toEqual(before);
    expect(heads.registerOf(registerId)?.isOrigin).toBe(true);
  });

  test("appendPage says moved, and writes nothing, when the head is elsewhere", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(4);
    await appendPage(chain.page(0, 2));
    expect(await appendPage(chain.page(0, 1))).toBe("moved");
    expect(await appendPage(chain.page(2, 3))).toBe("moved");
    expect(await appendPage(chain.page(4, 4))).toBe("moved");
    expect(heads.anchorOf(registerId)).toMatchObject({ nextNumber: 3 });
    expect(await readDocket(sql(), { registerId, number: 4 })).toBeNull();
  });

  test("appendPage learns of a page that the database took and could not acknowledge", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(3);
    await appendPage(chain.page(0, 1));
    const before = heads.registerOf(registerId) as heads.RegisterState;
    await appendPage(chain.page(2, 2));
    heads.setHead(before);
    expect(await appendPage(chain.page(2, 2))).toBe("moved");
    expect(heads.anchorOf(registerId)?.nextNumber).toBe(3);
    expect(await appendPage(chain.page(3, 3))).toMatchObject({ number: 3 });
  });

  test("appendPage stores one of two pages that race for the same place", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(3);
    const genesis = await Promise.all([appendPage(chain.page(0, 0)), appendPage(chain.page(0, 1))]);
    expect(genesis.filter((head) => head === "moved")).toHaveLength(1);
    const next = chain.page(1, 3);
    const outcomes = await Promise.all([appendPage(next), appendPage(next), appendPage(next)]);
    expect(outcomes.filter((head) => head !== "moved")).toHaveLength(1);
  });

  test("appendPages stores pages that follow each other all at once, or none of them", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(30);
    const abort = new AbortController();
    const follower = feed.follow({ registerId, signal: abort.signal });
    const three = [chain.page(0, 4), chain.page(5, 5), chain.page(6, 10)];
    expect(await appendPages(three, { sourcePeerId: "s" })).toMatchObject({ number: 10 });
    const told: number[] = [];
    for await (const event of follower) {
      told.push(event.firstNumber, event.number, event.firstVersion);
      if (event.number === 10) break;
    }
    expect(told).toEqual([0, 4, 1, 5, 5, 10, 6, 10, 12]);
    const versions = await readBundles(sql(), {
      registerId,
      next: 0,
      countMax: 100,
      bytesMax: 1e9,
    });
    expect(versions.map((one) => one.firstVersion).slice(0, 7)).toEqual([1, 2, 4, 6, 8, 10, 12]);
    expect(await readCheckpoint(sql(), registerId)).toMatchObject({ number: 10 });

    expect(await appendPages([chain.page(12, 13), chain.page(14, 15)])).toBe("moved");
    const withGap = [chain.page(11, 12), chain.page(14, 15)];
    expect(await errorOf(appendPages(withGap))).toBeInstanceOf(Error);
    expect(await readDocket(sql(), { registerId, number: 11 })).toBeNull();
    expect(await appendPages([chain.page(11, 13), chain.page(14, 15)])).toMatchObject({
      number: 15,
    });
  });

  test("appendPage takes neither gap nor fork from a page that claims to be verified", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(6);
    const fork = new TestChain(registerId, { seed: 2 }).sealMany(6);
    await appendPage(chain.page(0, 2));
    const anchor = chain.anchorBefore(3);
    const forged = {
      "a gap before the page": { anchor, page: chain.check(4, 5) },
      "a fork before the page": { anchor, page: fork.check(3, 4) },
      "a gap within the page": { anchor, page: without(chain.check(3, 6), 1) },
      "a fork within the page": { anchor, page: forkedWithin(chain.check(3, 5)) },
      "a number that is taken": { anchor, page: renumbered(chain.check(3, 3), 2) },
    };
    // With work beside it a page is never written in one statement.
    const ways = [{}, { alsoIn: async () => {} }];
    const tries = Object.entries(forged).flatMap((one) =>
      ways.map((way) => [...one, way] as const),
    );
    for (const [what, parts, way] of tries) {
      const page = { ...parts, next: anchor } as unknown as VerifiedPage;
      expect(await errorOf(appendPage(page, way)), what).toBeInstanceOf(Error);
      expect(heads.anchorOf(registerId)?.nextNumber, what).toBe(3);
      expect((await readRegisterRow(sql(), registerId))?.headNumber, what).toBe(2);
      expect(await readDocket(sql(), { registerId, number: 3 }), what).toBeNull();
      expect(await readDocket(sql(), { registerId, number: 4 }), what).toBeNull();
    }
    expect(await appendPage(chain.page(3, 6))).toMatchObject({ number: 6 });
  });

  test("appendPage writes the same rows in one statement and in several", async () => {
    const rows: unknown[] = [];
    for (const way of [{}, { alsoIn: async () => {} }]) {
      const registerId = newId();
      const chain = new TestChain(registerId).sealMany(3, 2);
      await appendPage(chain.page(0, 0), way);
      await appendPages([chain.page(1, 2), chain.page(3, 3)], { ...way, sourcePeerId: "b" });
      const run = { registerId, next: 0, last: 9, bytesMax: 1e9 };
      const dockets = await readUnchecked(sql(), run);
      rows.push(
        dockets.map(({ hash: _, previousHash: __, bundle, ...docket }) => ({
          ...docket,
          isItsOwn: isEqual(
            bundle,
            encodeBundle(present(chain.bundles[docket.number], "a docket")),
          ),
        })),
        await Promise.all(
          chain.transactionIds.flat().map(async (transactionId) => {
            const found = await findTransaction(sql(), { registerId, transactionId });
            return found && { place: found.position, of: found.docketNumber, at: found.version };
          }),
        ),
        (await readCheckpoint(sql(), registerId))?.number,
      );
    }
    expect(rows.slice(3)).toEqual(rows.slice(0, 3));
    expect(JSON.stringify(rows)).not.toContain("null");
  });

  test("appendPage keeps the page and the work beside it together", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(2);
    const failing = appendPage(chain.page(0, 1), {
      alsoIn: async (transaction) => {
        await transaction`UPDATE registers SET name = 'changed' WHERE register_id = ${registerId}`;
        throw new Error("the work beside it failed");
      },
    });
    expect(await errorOf(failing)).toMatchObject({ message: "the work beside it failed" });
    expect(await readRegisterRow(sql(), registerId)).toBeNull();
    expect(heads.registerOf(registerId)).toBeNull();
    expect(await appendPage(chain.page(0, 1))).toMatchObject({ number: 1 });
  });

  test("appendPage tells the feed after the commit, in the order of the chain", async () => {
    const registerId = newId();
    const chain = new TestChain(registerId).sealMany(20, 1);
    const stopping = new AbortController();
    const events: feed.HeadEvent[] = [];
    const reading = (async () => {
      for await (const event of feed.follow({ registerId, signal: stopping.signal })) {
        const row = await readDocket(sql(), { registerId, number: event.number });
        assert(row !== null, "what the feed tells is stored");
        events.push(event);
      }
    })();
    for (let number = 0; number <= 20; number++) await appendPage(chain.page(number, number));
    while (events.length < 21) await Bun.sleep(1);
    stopping.abort();
    await reading;
    expect(events.map((event) => event.number)).toEqual(Array.from({ length: 21 }, (_, n) => n));
    expect(events.map((event) => event.firstVersion)).toEqual([
      1,
      ...Array.from({ length: 20 }, (_, n) => n + 2),
    ]);
    expect(events.map((event) => event.hash)).toEqual(
      chain.bundles.map(({ docketData }) => JSON.parse(textOf(docketData) ?? "").docketHash),
    );
  });

  test("appendPage stores a 10 MiB document byte for byte", async () => {
    const registerId = newId();
    // The document's own limit is 10 MiB; its payload is written as a string within it.
    const text = JSON.stringify({ blob: "0123456789äöü€😀".repeat(400_000) });
    const chain = new TestChain(registerId).seal([text]).seal(['{"after":1}']);
    await appendPage(chain.page(0, 1));
    await appendPage(chain.page(2, 2));
    const transactionId = chain.transactionIds[1]?.[0] as string;
    const found = await findTransaction(sql(), { registerId, transactionId });
    const expected = chain.bundles[1]?.transactionData[0] as Uint8Array;
    expect(expected.length).toBeGreaterThan(8 * 2 ** 20);
    expect(Buffer.from(found?.data ?? []).equals(Buffer.from(expected))).toBe(true);
    const [stored] = await readBundles(sql(), { registerId, next: 1, countMax: 1, bytesMax: 1 });
    const bundle = encodeBundle(chain.bundles[1] as (typeof chain.bundles)[number]);
    expect(Buffer.from(stored?.bundle ?? []).equals(Buffer.from(bundle))).toBe(true);
  });
});

type Page = VerifiedPage["page"];

function without(page: Page, index: number): Page {
  return { ...page, dockets: page.dockets.filter((_, at) => at !== index) };
}

function forkedWithin(page: Page): Page {
  const dockets = page.dockets.map((docket) => ({ ...docket }));
  Object.assign(dockets[1] as object, { previousHash: "f".repeat(64) });
  return { ...page, dockets };
}

function renumbered(page: Page, number: number): Page {
  return { ...page, dockets: page.dockets.map((docket) => ({ ...docket, number })) };
}
