import { beforeAll, expect, test } from "bun:test";
import {
  findDocketOfVersion,
  findEnds,
  readBundles,
  readDocket,
} from "../../src/registers/dockets-table.ts";
import { findTransactions } from "../../src/registers/transactions-table.ts";
import type { Sql } from "../../src/store/database.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";

/** Rows alone: what is read is not looked at, only how the database finds it. */
const dockets = 50_000;
const registerId = "long";

onEachStore("a long register", () => {
  beforeAll(async () => {
    await sql()`
      INSERT INTO dockets (
        register_id, number, hash, previous_hash, time_ms, first_version, transaction_count,
        is_control, is_sealed, header_bytes, bundle_bytes, bundle
      )
      SELECT ${registerId}, n, sha256(int8send(n)), sha256(int8send(n - 1)), n, 1 + 2 * n, 2,
        n % 10000 = 0, true, 2, 4, '\\x0a001200'::bytea
      FROM generate_series(0, ${dockets - 1}::bigint) AS n`;
    await sql()`
      INSERT INTO transactions (
        register_id, key, docket_number, position, body_offset, body_length
      )
      SELECT ${registerId}, hashint8extended(n, place), n, place, 4, 0
      FROM generate_series(0, ${dockets - 1}::bigint) AS n, generate_series(0, 1) AS place`;
    await sql()`ANALYZE dockets`;
    await sql()`ANALYZE transactions`;
  }, 60_000);

  /** How often a table was read from its beginning to its end by the work. */
  async function scansOf(work: (sql: Sql) => Promise<unknown>): Promise<number> {
    return (await sql().begin(async (transaction) => {
      const before = await scansSoFar(transaction);
      await work(transaction);
      return (await scansSoFar(transaction)) - before;
    })) as number;
  }

  /** Of this session, not of this transaction alone: what is not yet counted elsewhere. */
  async function scansSoFar(transaction: Sql): Promise<number> {
    const [row] = await transaction<{ scans: number }[]>`
      SELECT coalesce(sum(seq_scan), 0)::int AS scans FROM pg_stat_xact_user_tables
      WHERE relname IN ('dockets', 'transactions')`;
    return row?.scans ?? 0;
  }

  const reads: Record<string, (sql: Sql) => Promise<unknown>> = {
    "a docket by its number": (sql) => readDocket(sql, { registerId, number: 31_234 }),
    "a run of dockets": (sql) =>
      readBundles(sql, { registerId, next: 40_000, countMax: 1_000, bytesMax: 1e9 }),
    "the newest dockets": (sql) =>
      readBundles(sql, { registerId, next: dockets - 20, countMax: 100, bytesMax: 1e9 }),
    "headers alone": (sql) =>
      readBundles(sql, {
        registerId,
        next: 25_000,
        countMax: 100,
        bytesMax: 1e9,
        headersOnly: true,
      }),
    "the policy chain": (sql) =>
      readBundles(sql, { registerId, next: 0, countMax: 100, bytesMax: 1e9, controlOnly: true }),
    "the docket of a version": (sql) => findDocketOfVersion(sql, { registerId, version: 70_001 }),
    "transactions by their ids": (sql) =>
      findTransactions(sql, { registerId, transactionIds: ["nobody's", "ab".repeat(32)] }),
    "how high it is": (sql) => findEnds(sql, { registerId }),
  };

  for (const [name, read] of Object.entries(reads)) {
    test(`${name} comes by index`, async () => {
      expect(await scansOf(read)).toBe(0);
    });
  }

  test("a look at the whole table is noticed", async () => {
    expect(await scansOf((sql) => sql`SELECT sum(bundle_bytes) FROM dockets`)).toBeGreaterThan(0);
  });
});
