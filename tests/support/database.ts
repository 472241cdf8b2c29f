/**
 * Databases for tests: every test file that asks gets fresh ones, an embedded one in a directory of
 * its own and a schema of its own on PostgreSQL, and what it made is gone afterwards.
 * `TEST_STORES=embedded` or `=postgres` narrows it to one of them.
 */
import { afterAll, beforeAll, describe } from "bun:test";
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findTestDatabase, type TestDatabase } from "../../scripts/test-database.ts";
import type { StoreOptions } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as store from "../../src/store/sql.ts";

export const embeddedThreadUrl = new URL("../../src/store/embedded-thread.ts", import.meta.url);

export interface TestStore {
  /** For `store.open`. */
  options: StoreOptions;
  remove(): Promise<void>;
}

/**
 * The body once on each database. The store is open and migrated while its tests run; `options()`
 * is what it was opened with, for tests that open it once more.
 */
export function onEachStore(name: string, body: (options: () => StoreOptions) => void): void {
  for (const kind of storeKinds()) {
    describe(`${name} (${kind})`, () => {
      let made: TestStore | null = null;
      beforeAll(async () => {
        made = kind === "embedded" ? await makeEmbedded() : await makeSchema();
        await store.open(made.options);
        await migrate();
      }, 60_000);
      afterAll(async () => {
        await store.close();
        await made?.remove();
      });
      body(() => (made as TestStore).options);
    });
  }
}

/** A directory with an embedded database that was started once: a first start takes seconds. */
export async function makeEmbedded(): Promise<TestStore> {
  const made = makeEmptyEmbedded();
  cpSync(await embeddedTemplate(), made.options.dataDir, { recursive: true });
  return made;
}

/** A directory in which an embedded database can be started for the first time. */
export function makeEmptyEmbedded(): TestStore {
  const dataDir = mkdtempSync(join(tmpdir(), "sorcha-peer-test-"));
  return {
    options: { schema: "peer", poolSize: 1, dataDir, embeddedThreadUrl },
    remove: async () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

/** A schema of its own on the PostgreSQL server. */
export async function makeSchema(): Promise<TestStore> {
  const server = await findServer();
  const schema = `test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  return {
    options: {
      connection: server.url as string,
      schema,
      poolSize: 4,
      dataDir: tmpdir(),
      embeddedThreadUrl: null,
    },
    remove: async () => {
      const sql = postgres(server.url as string, { max: 1, onnotice: () => {} });
      await sql`DROP SCHEMA IF EXISTS ${sql(schema)} CASCADE`;
      await sql.end();
      server.stop();
    },
  };
}

/** Whether there may be a PostgreSQL server for tests that are about one. */
export function hasServer(): boolean {
  return storeKinds().includes("postgres");
}

/** The databases to test on; without a server, PostgreSQL is not among them. */
export function storeKinds(): ("embedded" | "postgres")[] {
  const wanted = (process.env.TEST_STORES || "embedded,postgres").split(",");
  const kinds: ("embedded" | "postgres")[] = [];
  if (wanted.includes("embedded")) kinds.push("embedded");
  if (wanted.includes("postgres") && process.env.TEST_DATABASE_URL !== "") kinds.push("postgres");
  return kinds;
}

/** The runner names the server it found; a test file that is run by itself finds one. */
async function findServer(): Promise<TestDatabase> {
  const server = await findTestDatabase(process.env.TEST_DATABASE_URL);
  if (server.url === null) throw new Error(`These tests want PostgreSQL, and have ${server.what}`);
  return server;
}

async function embeddedTemplate(): Promise<string> {
  const about = require.resolve("@electric-sql/pglite").replace(/\/dist\/.*/, "/package.json");
  const { version } = (await Bun.file(about).json()) as { version: string };
  const template = join(
    tmpdir(),
    `sorcha-peer-test-template-${version}-${process.getuid?.() ?? 0}`,
  );
  if (existsSync(template)) return template;
  const draft = mkdtempSync(join(tmpdir(), "sorcha-peer-test-draft-"));
  await store.open({ schema: "peer", poolSize: 1, dataDir: draft, embeddedThreadUrl });
  await store.close();
  try {
    renameSync(draft, template);
  } catch {
    // Another test run was faster; its template is as good.
    rmSync(draft, { recursive: true, force: true });
  }
  return template;
}
