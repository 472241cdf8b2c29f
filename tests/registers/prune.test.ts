import { afterAll, beforeAll, expect, test } from "bun:test";
import { verifyPage } from "../../src/dockets/verify.ts";
import { appendPage } from "../../src/registers/append.ts";
import * as damage from "../../src/registers/damage.ts";
import { setDamage } from "../../src/registers/damage.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { registerOf } from "../../src/registers/heads.ts";
import * as cache from "../../src/registers/hot-cache.ts";
import { hotCache } from "../../src/registers/hot-cache.ts";
import { type PruneOptions, pruneSome } from "../../src/registers/prune.ts";
import { readRegisterRow } from "../../src/registers/registers-table.ts";
import { readDockets } from "../../src/registers/stored-dockets.ts";
import { whichExist } from "../../src/registers/transactions-table.ts";
import { auditRegister } from "../../src/replication/audit.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("prune", () => {
  beforeAll(async () => {
    await heads.open();
    await damage.open();
    feed.open();
    cache.open({ bytesMax: 1e7 });
  });
  afterAll(() => {
    cache.close();
    feed.close();
    damage.close();
    heads.close();
  });

  const all = { keepDockets: null, beforeMs: null, mayGo: () => true };

  /** Dockets 0 to 300 of two transactions each, 50 and 250 with a control transaction. */
  async function stored(registerId: string): Promise<TestChain> {
    const chain = new TestChain(registerId)
      .sealMany(49, 2)
      .seal(['{"note":"control"}'], { type: "Control" })
      .sealMany(199, 2)
      .seal(['{"note":"control"}'], { type: "Control" })
      .sealMany(50, 2);
    await appendPage(chain.page(0, 300));
    return chain;
  }

  async function prune(registerId: string, options: Partial<PruneOptions>): Promise<number> {
    let total = 0;
    for (let gone = 1; gone > 0; total += gone) {
      gone = await pruneSome(registerId, { ...all, ...options });
      expect(gone).toBeLessThanOrEqual(200);
    }
    return total;
  }

  const numbersFrom = async (registerId: string, next: number, controlOnly = false) => {
    const range = { registerId, next, countMax: 1_000, bytesMax: 1e9, controlOnly };
    return (await readBundles(sql(), range)).map(({ number }) => number);
  };

  test("keeps the newest dockets and the policy chain, with what is counted of them", async () => {
    const chain = await stored("p0");
    expect(await prune("p0", { keepDockets: 40 })).toBe(261);
    expect(await numbersFrom("p0", 261)).toHaveLength(40);
    expect(await numbersFrom("p0", 0, true)).toEqual([0, 50, 250]);
    expect(await numbersFrom("p0", 1)).toEqual([]);
    const row = await readRegisterRow(sql(), "p0");
    expect(row).toMatchObject({ firstNumber: 261, headNumber: 300, transactionCount: 83 });
    expect(row?.latestVersion).toBe(599);
    expect(registerOf("p0")).toMatchObject(row as object);
    const ids = (from: number, to: number) => chain.transactionIds.slice(from, to + 1).flat();
    const held = (transactionIds: string[]) =>
      whichExist(sql(), { registerId: "p0", transactionIds });
    expect((await held(ids(1, 49))).size).toBe(0);
    expect((await held([...ids(0, 0), ...ids(50, 50), ...ids(250, 250)])).size).toBe(3);
    expect((await held(ids(261, 300))).size).toBe(80);
  });

  test("what is left is whole to an audit, and the next docket fits", async () => {
    const chain = await stored("p1");
    await prune("p1", { keepDockets: 10 });
    await appendPage(chain.sealMany(1, 2).page(301, 301));
    const found = await auditRegister({
      registerId: "p1",
      verify: async (page, policy) =>
        verifyPage({
          ...page,
          bytes: new Uint8Array(page.bytes),
          policy,
          nowMs: Date.UTC(2027, 0, 1),
          verifyTransactions: "none",
          acceptUnsealed: false,
        }),
      onPage: () => undefined,
      onDamage: async () => undefined,
      signal: new AbortController().signal,
    });
    expect(found).toMatchObject({ damage: [], unjudgedFrom: null, dockets: 3 + 11 });
  });

  test("goes by the dockets' own time as well, and the stricter bound holds", async () => {
    await stored("p2");
    const timeOf = (number: number) => Date.UTC(2026, 0, 1) + number * 1_000;
    expect(await prune("p2", { beforeMs: timeOf(30) })).toBe(30);
    expect(await prune("p2", { beforeMs: timeOf(30) })).toBe(0);
    expect(await prune("p2", { beforeMs: timeOf(40), keepDockets: 201 })).toBe(70);
    expect(await prune("p2", { beforeMs: timeOf(230), keepDockets: 201 })).toBe(130);
    expect(registerOf("p2")?.firstNumber).toBe(230);
  });

  test("the head stays, however old, and nothing goes while somebody reads all", async () => {
    await stored("p3");
    expect(await prune("p3", { keepDockets: 1, mayGo: () => false })).toBe(0);
    expect(await prune("p3", { beforeMs: Date.UTC(2030, 0, 1) })).toBe(300);
    expect(registerOf("p3")).toMatchObject({ firstNumber: 300, headNumber: 300 });
  });

  test("stops before a damaged docket, which may be one that has to stay", async () => {
    await stored("p4");
    const wrong = { firstNumber: 20, lastNumber: 20, code: "docket-hash", message: "wrong" };
    await setDamage("p4", [{ part: "bundle", ...wrong }]);
    expect(await prune("p4", { keepDockets: 1 })).toBe(20);
    await setDamage("p4", []);
    expect(await prune("p4", { keepDockets: 1 })).toBe(280);
  });

  test("a register that this node seals keeps all", async () => {
    const chain = new TestChain("p5").sealMany(5, 1);
    await appendPage(chain.page(0, 5), { isOrigin: true });
    expect(await prune("p5", { keepDockets: 1 })).toBe(0);
  });

  test("the hot cache forgets what went, and no more", async () => {
    await stored("p6");
    expect(hotCache()?.read({ registerId: "p6", next: 0, countMax: 1, bytesMax: 1 })).toHaveLength(
      1,
    );
    await prune("p6", { keepDockets: 10 });
    expect(await readDockets({ registerId: "p6", next: 5, countMax: 1, bytesMax: 1 })).toEqual([]);
    const newest = hotCache()?.read({ registerId: "p6", next: 291, countMax: 99, bytesMax: 1e9 });
    expect(newest).toHaveLength(10);
  });
});
