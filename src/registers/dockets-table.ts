import { assert, present } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import type { CheckedPage } from "../dockets/types.ts";
import { CopyRows, copyRows } from "../store/copy.ts";
import type { Sql, Transaction } from "../store/database.ts";

/** A stored docket without its bytes. */
export interface DocketRow {
  number: number;
  hash: string;
  previousHash: string;
  timeMs: number;
  /** Version of its first transaction, or of the next one where it has none; 0 where unknown. */
  firstVersion: number;
  transactionCount: number;
  isControl: boolean;
  isSealed: boolean;
  bundleBytes: number;
}

/** A docket's bytes as they are sent on: an encoded `DocketBundle`. */
export interface StoredBundle {
  number: number;
  bundle: Uint8Array;
  firstVersion: number;
}

/** Which dockets to read. */
export interface BundleRange {
  registerId: string;
  /** First docket wanted, inclusive. */
  next: number;
  countMax: number;
  /** Sum of the bundles; one docket comes even when it alone is larger. */
  bytesMax: number;
  /** Only those that carry control transactions: numbers ascend, with gaps. */
  controlOnly?: boolean;
  /** Docket documents without their transactions. */
  headersOnly?: boolean;
}

/**
 * A run of consecutive dockets from `next` on, as much as the bounds allow; empty when docket `next`
 * isn't held. The bounds are kept by the database: what is not wanted is never read.
 */
export async function readBundles(sql: Sql, range: BundleRange): Promise<StoredBundle[]> {
  const size = range.headersOnly ? sql`header_bytes` : sql`bundle_bytes`;
  const bytes = range.headersOnly ? sql`substring(bundle FROM 1 FOR header_bytes)` : sql`bundle`;
  const place = range.controlOnly ? sql`` : sql`AND number = ${range.next} + place - 1`;
  const rows = await sql<StoredBundle[]>`
    SELECT number, ${bytes} AS bundle, first_version AS "firstVersion"
    FROM (
      SELECT number, first_version, header_bytes, bundle, ${size} AS size,
        row_number() OVER run AS place, sum(${size}) OVER run AS total
      FROM (
        SELECT number, first_version, header_bytes, bundle_bytes, bundle FROM dockets
        WHERE register_id = ${range.registerId} AND number >= ${range.next}
          ${range.controlOnly ? sql`AND is_control` : sql``}
        ORDER BY number LIMIT ${range.countMax}
      ) AS found
      WINDOW run AS (ORDER BY number ROWS UNBOUNDED PRECEDING)
    ) AS sized
    WHERE (total <= ${range.bytesMax} OR place = 1) ${place}
    ORDER BY number`;
  return [...rows];
}

/** The docket with its row, or null. */
export async function readDocket(
  sql: Sql,
  docket: { registerId: string; number: number },
): Promise<(DocketRow & { bundle: Uint8Array }) | null> {
  const [row] = await sql<(RawRow & { bundle: Uint8Array })[]>`
    SELECT ${columns(sql)}, bundle FROM dockets
    WHERE register_id = ${docket.registerId} AND number = ${docket.number}`;
  return row === undefined ? null : { ...toRow(row), bundle: row.bundle };
}

/** Rows without bytes, in order from `from` on. */
export async function listDockets(
  sql: Sql,
  range: { registerId: string; from: number; countMax: number },
): Promise<DocketRow[]> {
  const rows = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM dockets
    WHERE register_id = ${range.registerId} AND number >= ${range.from}
    ORDER BY number LIMIT ${range.countMax}`;
  return rows.map(toRow);
}

/** The docket that holds the register's transaction number `version` (1-based), or null. */
export async function findDocketOfVersion(
  sql: Sql,
  wanted: { registerId: string; version: number },
): Promise<DocketRow | null> {
  const [row] = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM dockets
    WHERE register_id = ${wanted.registerId}
      AND first_version BETWEEN 1 AND ${wanted.version} AND transaction_count > 0
    ORDER BY first_version DESC, number DESC LIMIT 1`;
  if (row === undefined || row.firstVersion + row.transactionCount <= wanted.version) return null;
  return toRow(row);
}

/**
 * Stores a page's dockets at once. A number that is taken fails it: nothing stored is overwritten.
 * `firstVersions`: for each docket, the version of its first transaction; 0 where unknown.
 */
export async function insertDockets(
  transaction: Transaction,
  page: { checked: CheckedPage; firstVersions: readonly number[] },
): Promise<void> {
  const { registerId, bytes, dockets } = page.checked;
  const rows = new CopyRows(bytes.length + dockets.length * 300);
  for (const [index, docket] of dockets.entries()) {
    const bundle = bytes.subarray(docket.offset, docket.offset + docket.length);
    rows
      .row(12)
      .text(registerId)
      .bigint(docket.number)
      .bytea(Buffer.from(docket.hash, "hex"))
      .bytea(Buffer.from(docket.previousHash, "hex"))
      .bigint(docket.timeMs)
      .bigint(present(page.firstVersions[index], "a docket's version"))
      .integer(docket.transactionCount)
      .boolean(docket.isControl)
      .boolean(docket.isSealed)
      .integer(headerLength(bundle))
      .integer(bundle.length)
      .bytea(bundle);
  }
  const statement = `
    COPY dockets (
      register_id, number, hash, previous_hash, time_ms, first_version, transaction_count,
      is_control, is_sealed, header_bytes, bundle_bytes, bundle
    ) FROM STDIN (FORMAT binary)`;
  await copyRows(transaction, { statement, rows });
}

/** Length of a bundle's first field, the docket document: its tag, its length, its bytes. */
function headerLength(bundle: Uint8Array): number {
  assert(bundle[0] === docketDataTag, "a bundle begins with its docket");
  let length = 0;
  for (let at = 1, scale = 1; ; at++, scale *= 128) {
    const byte = present(bundle[at], "the length of a docket document");
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return at + 1 + length;
  }
}

/** Field 1 of `DocketBundle`, length-delimited. */
const docketDataTag = 0x0a;

/**
 * Whether the stored dockets `from` to `to` follow each other without a gap by number and by hash,
 * the first on `previousHash` and none before its predecessor's time.
 */
export async function isChain(
  sql: Sql,
  run: { registerId: string; from: number; to: number; previousHash: string },
): Promise<boolean> {
  const [row] = await sql<{ count: number; isLinked: boolean }[]>`
    SELECT count(*) AS count, bool_and(previous_hash = expected) AS "isLinked"
    FROM (
      SELECT previous_hash,
        lag(hash, 1, ${Buffer.from(run.previousHash, "hex")}::bytea) OVER (ORDER BY number) AS expected
      FROM dockets
      WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}
    ) AS run`;
  return row?.count === run.to - run.from + 1 && row.isLinked;
}

/** First and last number of the lowest `countMax` dockets that are stored; null when there are none. */
export async function findRun(
  sql: Sql,
  wanted: { registerId: string; countMax: number },
): Promise<{ from: number; to: number } | null> {
  const [run] = await sql<{ from: number | null; to: number }[]>`
    SELECT min(number) AS from, max(number) AS to FROM (
      SELECT number FROM dockets WHERE register_id = ${wanted.registerId}
      ORDER BY number LIMIT ${wanted.countMax}
    ) AS lowest`;
  return run === undefined || run.from === null ? null : { from: run.from, to: run.to };
}

export async function deleteDockets(
  sql: Sql,
  run: { registerId: string; from: number; to: number },
): Promise<void> {
  await sql`
    DELETE FROM dockets
    WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}`;
}

interface RawRow extends Omit<DocketRow, "hash" | "previousHash"> {
  hash: Uint8Array;
  previousHash: Uint8Array;
}

function columns(sql: Sql) {
  return sql`
    number, hash, previous_hash AS "previousHash", time_ms AS "timeMs",
    first_version AS "firstVersion", transaction_count AS "transactionCount",
    is_control AS "isControl", is_sealed AS "isSealed", bundle_bytes AS "bundleBytes"`;
}

function toRow(row: RawRow): DocketRow {
  const { number, timeMs, firstVersion, transactionCount, isControl, isSealed, bundleBytes } = row;
  return {
    number,
    hash: hexOf(row.hash),
    previousHash: hexOf(row.previousHash),
    timeMs,
    firstVersion,
    transactionCount,
    isControl,
    isSealed,
    bundleBytes,
  };
}
