import { afterAll, beforeAll, expect, test } from "bun:test";
import { joinBefore } from "../../src/dockets/join-before.ts";
import type { Outcome, VerifiedPast } from "../../src/dockets/types.ts";
import { appendPage } from "../../src/registers/append.ts";
import { appendBefore } from "../../src/registers/append-before.ts";
import { appendStart } from "../../src/registers/append-start.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { findTransaction } from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { startOf } from "../support/start-of.ts";
import { TestChain } from "../support/test-chain.ts";

/** Docket 4 of ten carries a control transaction. */
function chainOf(registerId: string): TestChain {
  return new TestChain(registerId)
    .sealMany(3, 2)
    .seal(['{"note":"control"}'], { type: "Control" })
    .sealMany(5, 2);
}

/** Dockets `from` to `to` fitted before docket `to + 1` of the chain. */
function past(chain: TestChain, from: number, to: number): Outcome<VerifiedPast> {
  const behind = chain.anchorBefore(to + 1);
  return joinBefore(
    {
      registerId: chain.registerId,
      nextNumber: to + 1,
      previousHash: behind.previousHash,
      timeMs: behind.previousTimeMs,
      hashBefore: null,
      policy: from === 0 ? null : chain.policy,
    },
    chain.check(from, to),
  );
}

function fitting(chain: TestChain, from: number, to: number): VerifiedPast {
  const joined = past(chain, from, to);
  if (!joined.ok) throw new Error(joined.refusal.message);
  return joined.value;
}

onEachStore("appendBefore", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  test("brings the past down to docket 0, with versions, while the head moves on", async () => {
    const chain = chainOf("b0");
    await appendStart(startOf(chain, { control: [0, 4], head: 8 }));
    expect(await appendBefore(fitting(chain, 6, 7))).toBe(6);
    const anchor = heads.anchorOf("b0");
    expect(anchor?.nextNumber).toBe(9);
    expect(await appendPage(chain.page(9, 9))).toMatchObject({ number: 9 });
    expect(await appendBefore(fitting(chain, 2, 5))).toBe(2);
    expect(await appendBefore(fitting(chain, 2, 5))).toBe("moved");
    expect(await appendBefore(fitting(chain, 0, 1))).toBe(0);
    expect(heads.registerOf("b0")).toMatchObject({
      firstNumber: 0,
      headNumber: 9,
      transactionCount: 18,
      latestVersion: 18,
    });
    for (const [number, ids] of chain.transactionIds.entries()) {
      const transactionId = ids[0] as string;
      const found = await findTransaction(sql(), { registerId: "b0", transactionId });
      const before = chain.transactionIds.slice(0, number).flat().length;
      expect(found).toMatchObject({ docketNumber: number, version: before + 1 });
    }
  });

  test("counts the versions anew where the start was told a wrong one", async () => {
    const chain = chainOf("b1");
    await appendStart(startOf(chain, { control: [0, 4], head: 8 }), { firstVersion: 5 });
    expect(await appendBefore(fitting(chain, 0, 7))).toBe(0);
    const transactionId = chain.transactionIds[8]?.[1] as string;
    const found = await findTransaction(sql(), { registerId: "b1", transactionId });
    expect(found?.version).toBe(16);
    expect(heads.registerOf("b1")?.latestVersion).toBe(16);
  });

  test("joinBefore refuses what is not the very docket that is demanded", () => {
    const chain = chainOf("b2");
    const twin = new TestChain("b2").sealMany(9, 1);
    const demanded = fitting(chain, 6, 7).place;
    const refused = (page: Parameters<typeof joinBefore>[1]) => {
      const outcome = joinBefore(demanded, page);
      return outcome.ok ? null : outcome.refusal.code;
    };
    expect(refused(twin.check(6, 7))).toBe("link");
    expect(refused(chain.check(5, 6))).toBe("number");
    expect(refused(chainOf("b3").check(6, 7))).toBe("register");
  });
});
