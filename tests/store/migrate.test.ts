import { afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { migrate } from "../../src/store/migrate.ts";
import { migrations } from "../../src/store/migrations.ts";
import * as store from "../../src/store/sql.ts";
import { hasServer, makeSchema, onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";

test("migrations are the files of db/, numbered without a hole", () => {
  const files = readdirSync(new URL("../../db", import.meta.url)).sort();
  expect(migrations.map(({ name }) => `${name}.sql`)).toEqual(files);
  for (const [index, { number, name, text }] of migrations.entries()) {
    expect(number).toBe(index + 1);
    expect(name.slice(0, 4)).toBe(String(number).padStart(4, "0"));
    expect(text.split("\n")[0]).toMatch(/^-- \S.*\.$/);
  }
});

onEachStore("migrate", () => {
  const next = { number: migrations.length + 1, name: "next", text: "CREATE TABLE added (a int);" };

  afterEach(async () => {
    await store.sql()`DROP TABLE IF EXISTS added`;
    await store.sql()`DELETE FROM schema_migrations WHERE number > ${migrations.length}`;
  });

  test("migrate does nothing on a database that is up to date", async () => {
    expect(await migrate()).toEqual({ from: migrations.length, to: migrations.length });
  });

  test("migrate runs what is new and nothing else", async () => {
    const to = migrations.length + 1;
    expect(await migrate([...migrations, next])).toEqual({ from: migrations.length, to });
    expect(await migrate([...migrations, next])).toEqual({ from: to, to });
  });

  test("migrate refuses a database that is newer than the program", async () => {
    await migrate([...migrations, next]);
    expect(await errorOf(migrate())).toMatchObject({
      kind: "configuration",
      code: "database-newer",
    });
  });

  test("migrate refuses an applied migration that has changed", async () => {
    const changed = migrations.map((one) => ({ ...one, text: `${one.text}\n-- Changed.` }));
    expect(await errorOf(migrate(changed))).toMatchObject({
      kind: "configuration",
      code: "migration-changed",
    });
  });

  test("migrate leaves nothing of a run that fails in its middle", async () => {
    const broken = { number: migrations.length + 2, name: "broken", text: "CREATE TABEL oops ();" };
    expect(await errorOf(migrate([...migrations, next, broken]))).toMatchObject({
      kind: "internal",
    });
    expect(await migrate()).toEqual({ from: migrations.length, to: migrations.length });
    const [row] = await store.sql()`SELECT to_regclass('added') AS found`;
    expect(row?.found).toBeNull();
  });
});

if (hasServer()) {
  test("migrate runs once when four nodes start on one empty schema together", async () => {
    // Four processes of their own: the advisory lock is the server's, not this process's.
    const made = await makeSchema();
    const program = `
      import { migrate } from "./src/store/migrate.ts";
      import * as store from "./src/store/sql.ts";
      await store.open(JSON.parse(process.env.OPTIONS));
      console.log(JSON.stringify(await migrate()));
      await store.close();`;
    const starters = Array.from({ length: 4 }, () =>
      Bun.spawn([process.execPath, "-e", program], {
        cwd: new URL("../..", import.meta.url).pathname,
        env: { ...process.env, OPTIONS: JSON.stringify(made.options) },
        stderr: "inherit",
      }),
    );
    const said = await Promise.all(starters.map((one) => new Response(one.stdout).text()));
    expect(said.map((line) => JSON.parse(line).from).sort()).toEqual([
      0,
      ...Array(3).fill(migrations.length),
    ]);
    await made.remove();
  });
}
