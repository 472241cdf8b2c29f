import { afterAll, beforeAll, expect, test } from "bun:test";
import { scanPage } from "../../src/dockets/bundle.ts";
import { startAt } from "../../src/dockets/join.ts";
import type { Outcome } from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import type { Source } from "../../src/peers/adverts.ts";
import { appendPage } from "../../src/registers/append.ts";
import { appendStart } from "../../src/registers/append-start.ts";
import * as damage from "../../src/registers/damage.ts";
import { damageOf, setDamage } from "../../src/registers/damage.ts";
import { readBundles, readDocket } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { pruneSome } from "../../src/registers/prune.ts";
import { findTransaction } from "../../src/registers/transactions-table.ts";
import { auditRegister } from "../../src/replication/audit.ts";
import type { PulledPage } from "../../src/replication/pull.ts";
import { repairDockets } from "../../src/replication/repair.ts";
import type { CheckStored } from "../../src/replication/stored-policy.ts";
import type { Trouble } from "../../src/replication/trouble.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { TestChain } from "../support/test-chain.ts";

/** Dockets of each chain here: several pages of them, a policy change in between. */
const dockets = 40;

function chainOf(registerId: string): TestChain {
  return new TestChain(registerId)
    .sealMany(20, 2)
    .seal(['{"note":"control"}'], { type: "Control" })
    .sealMany(dockets - 21, 2);
}

function checkStored(): CheckStored {
  return async (page, policy) =>
    verifyPage({
      ...page,
      bytes: new Uint8Array(page.bytes),
      policy,
      nowMs: Date.UTC(2027, 0, 1),
      verifyTransactions: "all",
      acceptUnsealed: false,
    });
}

function audit(registerId: string) {
  return auditRegister({
    registerId,
    verify: checkStored(),
    onPage: () => undefined,
    onDamage: async () => undefined,
    signal: new AbortController().signal,
  });
}

/** A peer that serves `chain`. */
function sourceOf(chain: TestChain, peerId = "peer") {
  const source = { peerId, speaksReplication: true } as Source;
  async function* pullRange(
    _: Source,
    range: { from: number; count: number },
  ): AsyncGenerator<PulledPage> {
    const bytes = chain.frame(range.from, range.from + range.count - 1);
    const scanned = scanPage(bytes);
    const docketCount = scanned.ok ? scanned.value.bundles.length : 0;
    const { registerId } = chain;
    const sourceHeadNumber = dockets;
    yield {
      registerId,
      bytes,
      nextNumber: range.from,
      docketCount,
      sourceHeadNumber,
      sourcePeerId: peerId,
    };
  }
  return { source, pullRange };
}

async function repair(registerId: string, from: ReturnType<typeof sourceOf>[]) {
  const troubles: { peerId: string; trouble: Trouble }[] = [];
  const check = checkStored();
  const lost = await repairDockets({
    registerId,
    sources: () => from.map(({ source }) => source),
    pullRange: (source, range) => {
      const one = from.find((each) => each.source === source);
      if (one === undefined) throw new Error("an unknown source is asked");
      return one.pullRange(source, range);
    },
    check: (page, policy) =>
      check({ ...page, isPolicyChain: false }, policy) as Promise<Outcome<never>>,
    checkStored: check,
    onTrouble: (source, trouble) => troubles.push({ peerId: source.peerId, trouble }),
    onRepaired: () => undefined,
    signal: new AbortController().signal,
  });
  return { lost, troubles };
}

onEachStore("audit", () => {
  beforeAll(async () => {
    await heads.open();
    await damage.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    damage.close();
    heads.close();
  });

  async function stored(registerId: string): Promise<TestChain> {
    const chain = chainOf(registerId);
    await appendPage(chain.page(0, 25));
    await appendPage(chain.page(26, dockets));
    return chain;
  }

  /** Changes one byte of a bundle, `back` bytes from its end. */
  async function flip(registerId: string, number: number, back: number): Promise<void> {
    await sql()`
      UPDATE dockets SET bundle = set_byte(
        bundle, length(bundle) - ${back}::int, get_byte(bundle, length(bundle) - ${back}::int) # 1
      ) WHERE register_id = ${registerId} AND number = ${number}`;
  }

  test("finds a register that is whole to be whole, with its index, columns and row", async () => {
    await stored("a0");
    const found = await audit("a0");
    expect(found).toMatchObject({ dockets: dockets + 1, damage: [], unjudgedFrom: null });
    expect(found.row).toMatchObject({ headNumber: dockets, transactionCount: 80 });
  });

  test("names what SQL did to it, and repair brings it all back from a peer", async () => {
    const chain = await stored("a1");
    const before = await snapshot("a1");
    await flip("a1", 7, 40);
    await flip("a1", 21, 60);
    await sql()`DELETE FROM dockets WHERE register_id = 'a1' AND number IN (12, 13)`;
    await sql()`
      UPDATE dockets SET hash = previous_hash WHERE register_id = 'a1' AND number = 30`;
    await sql()`
      UPDATE transactions SET body_offset = body_offset + 1
      WHERE register_id = 'a1' AND docket_number = 33 AND position = 1`;
    await sql()`
      DELETE FROM transactions WHERE register_id = 'a1' AND docket_number = 35 AND position = 0`;
    const found = await audit("a1");
    const named = found.damage.map(({ part, firstNumber, lastNumber }) => [
      part,
      firstNumber,
      lastNumber,
    ]);
    expect(named).toEqual([
      ["bundle", 7, 7],
      ["bundle", 12, 13],
      ["bundle", 21, 21],
      ["columns", 30, 30],
      ["index", 33, 33],
      ["index", 35, 35],
    ]);
    expect(found.damage.find((one) => one.firstNumber === 12)?.code).toBe("missing");

    await setDamage("a1", found.damage);
    await refusesDamaged(chain);
    expect(await repair("a1", [sourceOf(chain)])).toEqual({ lost: 0, troubles: [] });
    expect(damageOf("a1")).toEqual([]);
    expect(await audit("a1")).toMatchObject({ damage: [], unjudgedFrom: null });
    expect(await snapshot("a1")).toEqual(before);
  });

  /** Readers get an error where a docket is damaged, and everything that is not. */
  async function refusesDamaged(chain: TestChain): Promise<void> {
    const { registerId } = chain;
    const read = (next: number, controlOnly = false) =>
      readBundles(sql(), { registerId, next, countMax: 10, bytesMax: 1e9, controlOnly });
    expect((await read(0)).map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const expected = { kind: "unavailable", code: "docket-damaged" };
    expect(await errorOf(read(7))).toMatchObject(expected);
    expect(await errorOf(read(0, true))).toMatchObject(expected);
    expect(await errorOf(readDocket(sql(), { registerId, number: 7 }))).toMatchObject(expected);
    const transaction = (number: number) => ({
      registerId,
      transactionId: chain.transactionIds[number]?.[0] as string,
    });
    expect(await errorOf(findTransaction(sql(), transaction(35)))).toMatchObject(expected);
    expect(await findTransaction(sql(), transaction(20))).toMatchObject({ docketNumber: 20 });
    expect((await read(30)).length).toBe(10);
  }

  async function snapshot(registerId: string) {
    const rows = await sql()`
      SELECT number, encode(hash, 'hex') AS hash, encode(previous_hash, 'hex') AS previous,
        time_ms, first_version, transaction_count, is_control, is_sealed, header_bytes,
        bundle_bytes, md5(bundle) AS bundle
      FROM dockets WHERE register_id = ${registerId} ORDER BY number`;
    const index = await sql()`
      SELECT key::text, docket_number, position, body_offset, body_length FROM transactions
      WHERE register_id = ${registerId} ORDER BY docket_number, position`;
    return { rows: [...rows], index: [...index] };
  }

  test("mends the index and the columns without anybody, from the documents", async () => {
    await stored("a2");
    const before = await snapshot("a2");
    await sql()`DELETE FROM transactions WHERE register_id = 'a2' AND docket_number > 30`;
    await sql()`
      UPDATE dockets SET first_version = first_version + 1
      WHERE register_id = 'a2' AND number BETWEEN 3 AND 9`;
    await setDamage("a2", (await audit("a2")).damage);
    expect(damageOf("a2").map(({ part }) => part)).toEqual(["columns", "index"]);
    expect(await repair("a2", [])).toEqual({ lost: 0, troubles: [] });
    expect(await snapshot("a2")).toEqual(before);
  });

  test("a source whose docket is not the demanded one is refused, and nothing is written", async () => {
    const chain = await stored("a3");
    const other = new TestChain("a3", { seed: 9 }).sealMany(dockets, 2);
    await flip("a3", 7, 40);
    await setDamage("a3", (await audit("a3")).damage);
    const liar = await repair("a3", [sourceOf(other, "liar")]);
    expect(liar).toMatchObject({ lost: 1, troubles: [{ peerId: "liar" }] });
    expect(liar.troubles[0]?.trouble).toMatchObject({ kind: "false", refusal: { code: "seal" } });
    expect(damageOf("a3")).toMatchObject([{ firstNumber: 7, lastNumber: 7 }]);
    expect((await repair("a3", [sourceOf(other), sourceOf(chain)])).lost).toBe(0);
    expect((await audit("a3")).damage).toEqual([]);
  });

  test("a damaged genesis, head and policy change come back, one behind the other", async () => {
    const chain = await stored("a4");
    for (const number of [0, 21, dockets]) await flip("a4", number, 40);
    await setDamage("a4", (await audit("a4")).damage);
    expect(damageOf("a4").map(({ firstNumber }) => firstNumber)).toEqual([0, 21, dockets]);
    expect((await repair("a4", [sourceOf(chain)])).lost).toBe(0);
    expect(await audit("a4")).toMatchObject({ damage: [], unjudgedFrom: null });
  });

  test("a long missing run that holds a change of the policy comes back, and nobody is blamed", async () => {
    const chain = new TestChain("a7")
      .sealMany(110, 1)
      .sealPolicy({ seed: 5 })
      .sealMany(129, 1)
      .sealPolicy({ seed: 6 })
      .sealMany(59, 1);
    for (let from = 0; from <= 300; from += 50) {
      await appendPage(chain.page(from, Math.min(from + 49, 300)));
    }
    const before = await snapshot("a7");
    await sql()`DELETE FROM dockets WHERE register_id = 'a7' AND number BETWEEN 10 AND 280`;
    await setDamage("a7", (await audit("a7")).damage);
    expect(damageOf("a7")).toMatchObject([{ firstNumber: 10, lastNumber: 280, code: "missing" }]);
    expect(await repair("a7", [sourceOf(chain)])).toEqual({ lost: 0, troubles: [] });
    expect(await audit("a7")).toMatchObject({ damage: [], unjudgedFrom: null });
    expect(await snapshot("a7")).toEqual(before);
  });

  test("the rest of a policy chain has versions that nobody knows, and is whole all the same", async () => {
    const chain = chainOf("a8");
    const policyChain = chain.check(0, 0);
    const start = startAt(policyChain, chain.check(5, 5));
    if (!start.ok) throw new Error(start.refusal.message);
    await appendStart(start.value, { firstVersion: 9 });
    await appendPage(chain.page(6, dockets));
    const bounds = { keepDockets: 3, beforeMs: null, mayGo: () => true };
    while ((await pruneSome("a8", bounds)) > 0) {}
    expect(await audit("a8")).toMatchObject({ dockets: 2 + 3, damage: [], unjudgedFrom: null });
  });

  test("names a true docket that stands in another one's place by the hash demanded", async () => {
    const chain = await stored("a5");
    const twin = new TestChain("a5").sealMany(6, 2).seal(["{}"]);
    const forged = await appendable(twin, 7);
    await sql()`
      UPDATE dockets SET bundle = ${forged}, bundle_bytes = ${forged.length}
      WHERE register_id = 'a5' AND number = 7`;
    const found = await audit("a5");
    expect(found.damage.filter(({ part }) => part === "bundle")).toMatchObject([
      { firstNumber: 7, lastNumber: 7, code: "link" },
    ]);
    await setDamage("a5", found.damage);
    expect((await repair("a5", [sourceOf(chain)])).lost).toBe(0);
    expect((await audit("a5")).damage).toEqual([]);
  });

  async function appendable(chain: TestChain, number: number): Promise<Uint8Array> {
    const page = chain.check(number, number);
    const docket = page.dockets[0];
    return page.bytes.slice(docket?.offset, (docket?.offset ?? 0) + (docket?.length ?? 0));
  }

  test("finds a register's row and its checkpoint to be wrong, and says what they should be", async () => {
    await stored("a6");
    await sql()`UPDATE registers SET head_number = 30, bytes = 1 WHERE register_id = 'a6'`;
    await sql()`DELETE FROM sync_checkpoints WHERE register_id = 'a6'`;
    const found = await audit("a6");
    expect(found.damage).toMatchObject([{ part: "register", code: "row" }]);
    expect(found.damage[0]?.message).toContain("head_number, bytes, checkpoint");
    expect(found.row).toMatchObject({ headNumber: dockets, transactionCount: 80 });
  });
});
