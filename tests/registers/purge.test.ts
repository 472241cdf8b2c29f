import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendPage } from "../../src/registers/append.ts";
import { readCheckpoint } from "../../src/registers/checkpoints-table.ts";
import { readBundles } from "../../src/registers/dockets-table.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import * as purge from "../../src/registers/purge.ts";
import { isPurging, purgeRegister, whenPurged } from "../../src/registers/purge.ts";
import { markPurging } from "../../src/registers/registers-table.ts";
import { whichExist } from "../../src/registers/transactions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("purge", () => {
  beforeAll(async () => {
    await heads.open();
    feed.open();
    await purge.open();
  });
  afterAll(async () => {
    await purge.close();
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
    await whenPurged("e0");
    expect(await countRows("e0")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
    expect(await countRows("e1")).toMatchObject({ dockets: 4, transactions: 7 });
    expect(await appendPage(chain.page(0, 1))).toMatchObject({ number: 1 });
  });

  test("purgeRegister of a register that isn't held does nothing", async () => {
    await purgeRegister("nothing");
    await whenPurged("nothing");
    expect(isPurging("nothing")).toBe(false);
  });

  test("a register of 50,000 transactions is gone at once, and its rows a while later", async () => {
    const chain = new TestChain("e4");
    for (let page = 0; page < 10; page += 1) {
      chain.sealMany(50, 100);
      await appendPage(chain.page(page === 0 ? 0 : page * 50 + 1, page * 50 + 50));
    }
    const order: string[] = [];
    const alsoIn = async () => order.push("marked");
    await purgeRegister("e4", { alsoIn });
    order.push("answered");
    const gone = whenPurged("e4").then(() => order.push("deleted"));
    expect(heads.registerOf("e4")).toBeNull();
    expect(await appendPage(chain.page(0, 1))).toBe("moved");
    // Another register's appends don't wait for it.
    const other = new TestChain("e5").sealMany(1, 1);
    expect(await appendPage(other.page(0, 1))).toMatchObject({ number: 1 });
    await gone;
    expect(order).toEqual(["marked", "answered", "deleted"]);
    expect(await countRows("e4")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
    expect(await appendPage(chain.page(0, 1))).toMatchObject({ number: 1 });
  }, 60_000);

  test("a purge that is stopped goes on when the node starts again", async () => {
    const chain = new TestChain("e6").sealMany(450, 2);
    await appendPage(chain.page(0, 450));
    await purgeRegister("e6");
    await purge.close();
    expect((await countRows("e6")).checkpoint).not.toBeNull();
    await purge.open();
    expect(isPurging("e6")).toBe(true);
    await whenPurged("e6");
    expect(await countRows("e6")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
  });

  test("an interrupted purge hides the register and is finished at the next start", async () => {
    const chain = new TestChain("e2").sealMany(3);
    await appendPage(chain.page(0, 3));
    await markPurging(sql(), "e2");
    heads.close();
    await heads.open();
    expect(heads.registerOf("e2")).toBeNull();
    expect(await appendPage(chain.page(0, 1))).toBe("moved");
    await purge.close();
    await purge.open();
    await whenPurged("e2");
    expect(await countRows("e2")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
    expect(await appendPage(chain.page(0, 3))).toMatchObject({ number: 3 });
    const ids = chain.transactionIds.flat();
    expect((await whichExist(sql(), { registerId: "e2", transactionIds: ids })).size).toBe(7);
  });

  test("purgeRegister waits for a page that is being stored", async () => {
    const chain = new TestChain("e3").sealMany(30);
    const appending = appendPage(chain.page(0, 30));
    await Promise.all([appending, purgeRegister("e3")]);
    await whenPurged("e3");
    expect(heads.registerOf("e3")).toBeNull();
    expect(await countRows("e3")).toEqual({ dockets: 0, transactions: 0, checkpoint: null });
  });
});
