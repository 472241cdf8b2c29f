import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { appendPage } from "../../src/registers/append.ts";
import * as feed from "../../src/registers/feed.ts";
import * as heads from "../../src/registers/heads.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";
import { inTransaction } from "../../src/store/transaction.ts";
import { openCuttableProxy } from "../support/cuttable-proxy.ts";
import { embeddedThreadUrl, hasServer, makeSchema, onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { TestChain } from "../support/test-chain.ts";

onEachStore("sql", (options) => {
  test("open, close and open again keep what is stored", async () => {
    await store.sql()`CREATE TABLE kept (a int)`;
    await store.close();
    await store.open(options());
    expect((await store.sql()`SELECT count(*) AS count FROM kept`)[0]?.count).toBe(0);
    await store.sql()`DROP TABLE kept`;
  });

  test("bigint comes and goes as a number", async () => {
    const [row] = await store.sql()`SELECT ${Number.MAX_SAFE_INTEGER}::bigint AS value`;
    expect(row?.value).toBe(Number.MAX_SAFE_INTEGER);
    expect((await store.sql()`SELECT 0::bigint AS zero`)[0]?.zero).toBe(0);
  });

  test("a bigint that no number can hold fails its query instead of being rounded", async () => {
    const asked = store.sql()`SELECT 9007199254740993::bigint AS value`;
    expect(await errorOf(asked)).toMatchObject({ message: expect.stringContaining("safe int") });
    await store.ping();
  });

  test("arrays, JSON, bytes and nulls come back as they went", async () => {
    const sql = store.sql();
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const [row] = await sql`
      SELECT ${["a", 'b"', "c,"]}::text[] AS texts, ${bytes}::bytea AS bytes, ${null}::text AS nothing,
        ${sql.json({ a: [1, "x"] })}::jsonb AS json, ${true}::boolean AS yes`;
    expect(row).toEqual({
      texts: ["a", 'b"', "c,"],
      bytes: Buffer.from(bytes),
      nothing: null,
      json: { a: [1, "x"] },
      yes: true,
    });
  });

  test("inTransaction rolls back whatever throws, and gives its error", async () => {
    await store.sql()`CREATE TABLE rolled (a int)`;
    const broken = inTransaction(async (transaction) => {
      await transaction`INSERT INTO rolled VALUES (1)`;
      throw new Error("on purpose");
    });
    expect(await errorOf(broken)).toMatchObject({ message: "on purpose" });
    const refused = inTransaction(async (transaction) => {
      await transaction`INSERT INTO rolled VALUES (1)`;
      await transaction`INSERT INTO nowhere VALUES (1)`;
    });
    expect(await errorOf(refused)).toMatchObject({ kind: "internal", code: "database-error" });
    expect((await store.sql()`SELECT count(*) AS count FROM rolled`)[0]?.count).toBe(0);
    await store.sql()`DROP TABLE rolled`;
  });

  test("many queries at once, in and out of transactions, each get their own answer", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        index % 3 === 0
          ? inTransaction(async (transaction) => {
              const [row] = await transaction`SELECT ${index}::int AS value`;
              return row?.value;
            })
          : store.sql()`SELECT ${index}::int AS value`.then(([row]) => row?.value),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 60 }, (_, index) => index));
  });

  test("a statement that the database refuses is our defect, with the driver's error as its cause", async () => {
    const error = await errorOf(store.sql()`SELECT * FROM nowhere`);
    expect(error).toMatchObject({ kind: "internal", facts: { databaseCode: "42P01" } });
  });

  test("ping answers", async () => {
    await store.ping();
  });
});

test("open says in a sentence that a URL is none, without its password", async () => {
  for (const connection of ["postgres://me:secret@[::bad/db", "postgres://me:secret@:port/db"]) {
    const error = await errorOf(store.open(settings(connection)));
    expect(error).toMatchObject({ kind: "configuration", code: "bad-database-url" });
    expect(String(error)).not.toContain("secret");
  }
});

test("open says in a sentence that there is no server, without its password", async () => {
  const error = await errorOf(store.open(settings("postgres://me:secret@127.0.0.1:1/db")));
  expect(error).toMatchObject({
    kind: "unavailable",
    code: "database-unreachable",
    message: "The database can't be reached (127.0.0.1:1/db)",
  });
});

test("a server that takes connections and ends them is not called again and again", async () => {
  let calls = 0;
  const server = createServer((socket) => {
    calls += 1;
    socket.on("error", () => socket.destroy()).once("data", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const error = await errorOf(store.open(settings(`postgres://me@127.0.0.1:${port}/db`)));
  expect(error).toMatchObject({ kind: "unavailable", code: "database-unreachable" });
  expect(calls).toBe(1);
  server.close();
});

test("open says in a sentence that the embedded database's directory is broken", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "sorcha-peer-broken-"));
  writeFileSync(join(dataDir, "db"), "not a directory");
  const error = await errorOf(store.open({ ...settings(undefined), dataDir }));
  expect(error).toMatchObject({ kind: "configuration", code: "embedded-database-broken" });
  rmSync(dataDir, { recursive: true });
});

describe.if(hasServer())("a connection to PostgreSQL", () => {
  afterEach(async () => {
    feed.close();
    heads.close();
    await store.close();
  });

  test("open says in a sentence that the database doesn't exist", async () => {
    const made = await makeSchema();
    const url = new URL(made.options.connection as string);
    url.pathname = "/no_such_database";
    expect(await errorOf(store.open({ ...made.options, connection: url.href }))).toMatchObject({
      kind: "configuration",
      code: "database-missing",
    });
    await made.remove();
  });

  test("a database that goes away is unavailable, and used again once it is back", async () => {
    const { made, proxy } = await openThroughProxy();
    await proxy.cut();
    expect(await errorOf(store.ping())).toMatchObject({ kind: "unavailable" });
    const chain = new TestChain("90e0").sealMany(2);
    expect(await errorOf(appendPage(chain.page(0, 1)))).toMatchObject({ kind: "unavailable" });
    expect(heads.anchorOf("90e0")).toBeNull();
    await proxy.mend();
    expect(await appendPage(chain.page(0, 1))).toMatchObject({ number: 1 });
    await proxy.close();
    await made.remove();
  });

  test("a database that goes away in the middle of a page leaves nothing of it", async () => {
    const { made, proxy } = await openThroughProxy();
    const chain = new TestChain("90e1").seal([JSON.stringify("x".repeat(2_000_000))]).sealMany(1);
    await appendPage(chain.page(0, 0));
    for (const afterBytes of [10, 1_000, 100_000, 1_500_000]) {
      const cutting = proxy.cut(afterBytes);
      expect(await errorOf(appendPage(chain.page(1, 2)))).toMatchObject({ kind: "unavailable" });
      await cutting;
      await proxy.mend();
    }
    expect(heads.anchorOf("90e1")?.nextNumber).toBe(1);
    expect(await appendPage(chain.page(1, 2))).toMatchObject({ number: 2 });
    await proxy.close();
    await made.remove();
  });

  test("a transaction whose connection is cut does not go on in the next one's", async () => {
    // What it would do then is committed outside of any transaction, or in a stranger's.
    const made = await makeSchema();
    await store.open({ ...made.options, poolSize: 1 });
    await migrate();
    await store.sql()`CREATE TABLE marks (who text)`;
    const other = postgres(made.options.connection as string, { max: 1 });
    const dead = inTransaction(async (transaction) => {
      const [row] = await transaction`SELECT pg_backend_pid() AS pid`;
      await other`SELECT pg_terminate_backend(${row?.pid})`;
      const next = inTransaction(async (inner) => {
        await inner`INSERT INTO marks VALUES ('next')`;
        await Bun.sleep(50);
      });
      await next.catch(() => undefined);
      await transaction`INSERT INTO marks VALUES ('dead')`;
    });
    expect(await errorOf(dead)).toMatchObject({ kind: "unavailable" });
    await Bun.sleep(50);
    await inTransaction(async (transaction) => {
      await transaction`INSERT INTO marks VALUES ('after')`;
    });
    const rows = await store.sql()`SELECT who FROM marks ORDER BY who`;
    expect(rows.map((row) => row.who)).not.toContain("dead");
    expect(rows.map((row) => row.who)).toContain("after");
    await other.end();
    await made.remove();
  });

  test("a query whose connection the server ends fails, and the next one works", async () => {
    const made = await makeSchema();
    await store.open({ ...made.options, poolSize: 1 });
    const other = postgres(made.options.connection as string, { max: 1 });
    for (let round = 0; round < 3; round++) {
      const dead = inTransaction(async (transaction) => {
        const [row] = await transaction`SELECT pg_backend_pid() AS pid`;
        const killing = other`SELECT pg_terminate_backend(${row?.pid}) FROM pg_sleep(0.05)`;
        await Promise.all([transaction`SELECT pg_sleep(5)`, transaction`SELECT 1`, killing]);
      });
      expect(await errorOf(dead)).toMatchObject({ kind: "unavailable" });
      await store.ping();
    }
    await other.end();
    await made.remove();
  });
});

async function openThroughProxy() {
  const made = await makeSchema();
  const url = new URL(made.options.connection as string);
  const proxy = await openCuttableProxy({ host: url.hostname, port: Number(url.port || 5432) });
  url.host = `127.0.0.1:${proxy.port}`;
  await store.open({ ...made.options, connection: url.href });
  await migrate();
  await heads.open();
  feed.open();
  return { made, proxy };
}

function settings(connection: string | undefined) {
  return { connection, schema: "peer", poolSize: 2, dataDir: tmpdir(), embeddedThreadUrl };
}
