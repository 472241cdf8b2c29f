import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendPage } from "../../src/registers/append.ts";
import { readCheckpoint } from "../../src/registers/checkpoints-table.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { finishPurges, purgeRegister } from "../../src/registers/purge.ts";
import { markPurging } from "../../src/registers/registers-table.ts";
import { whichExist } from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("purge", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
  });
  afterAll(() => {
    feed.close();
    heads.close();
  });

  async function countRows(registerId: string) {
    const range = { registerId, next: 0, countMax: 10_000, bytesMax: 1e9 };
    const [rows] = await sql()`
      SELECT count(*) AS count FROM transactions WHERE register_id = ${registerId}`;
    return {
      dockets: (await readBundles(sql(), range)).length,
      transactions: rows?.count as number,
      checkpoint: await readCheckpoint(sql(), registerId),
    };
  }

  test("purgeRegister deletes all of one register and nothing of another", async () => {
    const chain = new TestChain("e0").sealMany(450, 2);
    const other = new TestChain("e1").sealMany(3, 2);
    await appendPage(chain.page(0, 450));
    await appendPage(other.page(0, 3));
    await purgeRegister("e0");
    expect(heads.registerOf("e0")).toBeNull();
    expect(await countRows("e0")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
    expect(await countRows("e1")).toMatchObject({ dockets: 4, transactions: 7 });
    expect(await appendPage(chain.page(0, 1))).toMatchObject({ number: 1 });
  });

  test("purgeRegister of a register that isn't held does nothing", async () => {
    await purgeRegister("nothing");
  });

  test("an interrupted purge hides the register and is finished at the next start", async () => {
    const chain = new TestChain("e2").sealMany(3);
    await appendPage(chain.page(0, 3));
    await markPurging(sql(), "e2");
    heads.close();
    await heads.open();
    expect(heads.registerOf("e2")).toBeNull();
    expect(await appendPage(chain.page(0, 1))).toBe("moved");
    await finishPurges();
    expect(await countRows("e2")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
    expect(await appendPage(chain.page(0, 3))).toMatchObject({ number: 3 });
    const ids = chain.transactionIds.flat();
    expect((await whichExist(sql(), { registerId: "e2", transactionIds: ids })).size).toBe(7);
  });

  test("purgeRegister waits for a page that is being stored", async () => {
    const chain = new TestChain("e3").sealMany(30);
    const appending = appendPage(chain.page(0, 30));
    await Promise.all([appending, purgeRegister("e3")]);
    expect(heads.registerOf("e3")).toBeNull();
    expect(await countRows("e3")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
  });
});
