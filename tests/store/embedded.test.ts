import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { CopyRows, copyRows } from "../../src/store/copy.ts";
import { vacuumSmallTables } from "../../src/store/embedded-upkeep.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";
import { inTransaction } from "../../src/store/transaction.ts";
import { makeEmbedded, onEachStore, storeKinds, type TestStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";

describe.if(storeKinds().includes("embedded"))("the embedded database", () => {
  let made: TestStore;
  beforeAll(async () => {
    made = await makeEmbedded();
    await store.open(made.options);
    await migrate();
  }, 60_000);
  afterAll(async () => {
    await store.close();
    await made.remove();
  });

  test("writes to disk at each commit", async () => {
    const [row] = await store.sql()`
      SELECT current_setting('fsync') AS fsync, current_setting('wal_sync_method') AS method`;
    expect(row).toEqual({ fsync: "on", method: "fsync" });
  });

  test("lets no other user into its folder", () => {
    expect(statSync(join(made.options.dataDir, "db")).mode & 0o777).toBe(0o700);
  });

  test("vacuumSmallTables frees what was deleted", async () => {
    await store.sql()`CREATE TABLE churn (a int)`;
    await store.sql()`INSERT INTO churn SELECT generate_series(1, 20000)`;
    await store.sql()`DELETE FROM churn`;
    await vacuumSmallTables(store.sql(), "peer");
    const [row] = await store.sql()`SELECT pg_relation_size('churn') AS bytes`;
    expect(row?.bytes).toBe(0);
  });
});

describe.if(storeKinds().includes("embedded"))("an embedded database that dies", () => {
  test("is started again by itself, with all that it acknowledged", async () => {
    const made = await makeEmbedded();
    const embeddedThreadUrl = new URL("./dying-embedded.ts", import.meta.url);
    await store.open({ ...made.options, embeddedThreadUrl });
    try {
      await migrate();
      await store.sql()`CREATE TABLE kept (n int)`;
      for (let death = 1; death <= 3; death += 1) {
        await store.sql()`INSERT INTO kept VALUES (${death})`;
        const halfway = inTransaction(async (transaction) => {
          await transaction`INSERT INTO kept VALUES (-1)`;
          await transaction`SELECT 'die now'`;
        });
        expect(await errorOf(halfway)).toMatchObject({ code: "database-unreachable" });
        expect(await store.health().check()).toMatchObject({ code: "database-unreachable" });
        await store.health().whenWell();
        const rows = await store.sql()`SELECT n FROM kept ORDER BY n`;
        expect(rows.map(({ n }) => n)).toEqual([1, 2, 3].slice(0, death));
        expect(await store.health().check()).toBeNull();
      }
    } finally {
      await store.close();
      await made.remove();
    }
  }, 60_000);
});

onEachStore("copyRows", () => {
  beforeAll(async () => {
    await store.sql()`CREATE TABLE copied (id bigint PRIMARY KEY, n int, t text, b bytea, yes boolean)`;
  });

  function rowsOf(ids: number[]): CopyRows {
    const rows = new CopyRows(10);
    for (const id of ids) {
      rows
        .row(5)
        .bigint(id)
        .integer(-id)
        .text(`Zeile ${id} ✓`)
        .bytea(new Uint8Array(id))
        .boolean(id > 1);
    }
    return rows;
  }

  function copy(...portions: number[][]): Promise<void> {
    const statement = "COPY copied (id, n, t, b, yes) FROM STDIN (FORMAT binary)";
    return inTransaction((transaction) =>
      copyRows(transaction, { statement, portions: portions.map(rowsOf) }),
    );
  }

  test("stores cells of every kind, and grows beyond its hint", async () => {
    await copy([1, 2, 3_000]);
    const stored = await store.sql()`SELECT * FROM copied ORDER BY id`;
    expect([...stored]).toEqual(
      [1, 2, 3_000].map((id) => ({
        id,
        n: -id,
        t: `Zeile ${id} ✓`,
        b: Buffer.alloc(id),
        yes: id > 1,
      })),
    );
  });

  test("stores nothing at all when there is no row", async () => {
    await copy([]);
    await copy();
  });

  test("stores several portions as one", async () => {
    await copy([100], [], [101, 102], [103]);
    const [row] =
      await store.sql()`SELECT count(*) AS count FROM copied WHERE id >= 100 AND id < 200`;
    expect(row?.count).toBe(4);
  });

  test("goes on working when a portion is refused while others are still to come", async () => {
    const many = Array.from({ length: 20 }, (_, index) => [1_000_000 + index]);
    for (let round = 0; round < 3; round++) {
      expect(await errorOf(copy([1], ...many))).toMatchObject({ facts: { databaseCode: "23505" } });
    }
    await copy([300]);
  });

  test("says that a row was refused, keeps none of its copy, and goes on working", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await errorOf(copy([10, 11, 1]))).toMatchObject({
        kind: "internal",
        facts: { databaseCode: "23505" },
      });
    }
    const [row] = await store.sql()`SELECT count(*) AS count FROM copied WHERE id IN (10, 11)`;
    expect(row?.count).toBe(0);
    await copy([10, 11]);
  });

  test("says that there is no such table", async () => {
    const statement = "COPY nowhere FROM STDIN (FORMAT binary)";
    const copying = inTransaction((transaction) =>
      copyRows(transaction, { statement, portions: [rowsOf([1])] }),
    );
    expect(await errorOf(copying)).toMatchObject({ facts: { databaseCode: "42P01" } });
    await store.ping();
  });
});
