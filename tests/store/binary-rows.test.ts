import { expect, test } from "bun:test";
import { readBinary } from "../../src/store/binary-rows.ts";
import * as store from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";

onEachStore("readBinary", () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

  test("gives cells of every kind as they are, the first time and prepared", async () => {
    for (let time = 0; time < 3; time += 1) {
      const rows = await readBinary(
        store.sql()`
          SELECT ${all}::bytea, ${1 - 2 ** 53}::bigint, n * 2147483648, -n, n > 1
          FROM generate_series(1, 2) AS n`,
        (row) => [row.hex(), row.number(), row.number(), row.number(), row.boolean()],
      );
      expect(rows).toEqual([
        [all.toString("hex"), -Number.MAX_SAFE_INTEGER, 2 ** 31, -1, false],
        [all.toString("hex"), -Number.MAX_SAFE_INTEGER, 2 ** 32, -2, true],
      ]);
    }
  });

  test("gives large cells whole, and none where there is no row", async () => {
    const [length] = await readBinary(
      store.sql()`SELECT decode(repeat('00ff', 3000000), 'hex')`,
      (row) => row.bytes().length,
    );
    expect(length).toBe(6_000_000);
    const query = store.sql()`SELECT 1 WHERE false`;
    expect(await readBinary(query, (row) => row.number())).toEqual([]);
  });

  test("refuses a number that a number can't hold, and fails as any query does", async () => {
    const tooLarge = store.sql()`SELECT 9007199254740993`;
    expect(String(await errorOf(readBinary(tooLarge, (row) => row.number())))).toContain(
      "safe integer",
    );
    const nowhere = store.sql()`SELECT a FROM nowhere`;
    const refused = await errorOf(readBinary(nowhere, (row) => row.number()));
    expect(refused).toMatchObject({ kind: "internal", code: "database-error" });
    // The connection is as good as ever, and text is text.
    expect((await store.sql()`SELECT 1 AS one`)[0]).toEqual({ one: 1 });
  });
});
