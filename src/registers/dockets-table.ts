import { present } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";
import { headerLength } from "../dockets/bundle.ts";
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
  transactionCount: number;
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
 * A run of consecutive dockets from `next` on, as much as the bounds allow; empty when docket
 * `next` isn't held. The bounds are kept by the database: what is not wanted is never read.
 */
export async function readBundles(sql: Sql, range: BundleRange): Promise<StoredBundle[]> {
  const size = range.headersOnly ? sql`header_bytes` : sql`bundle_bytes`;
  const bytes = range.headersOnly ? sql`substring(bundle FROM 1 FOR header_bytes)` : sql`bundle`;
  // An end by number, where there can be one, keeps a planner without statistics from sorting all
  // that comes after.
  const wanted = range.controlOnly
    ? sql`number >= ${range.next} AND is_control`
    : sql`number BETWEEN ${range.next} AND ${range.next + range.countMax - 1}`;
  const isInRun = range.controlOnly ? sql`true` : sql`number = ${range.next} + place - 1`;
  const rows = await sql<StoredBundle[]>`
    SELECT number, ${bytes} AS bundle, first_version AS "firstVersion",
      transaction_count AS "transactionCount"
    FROM (
      SELECT number, first_version, transaction_count, header_bytes, bundle,
        row_number() OVER run AS place, sum(${size}) OVER run AS total
      FROM (
        SELECT number, first_version, transaction_count, header_bytes, bundle_bytes, bundle
        FROM dockets
        WHERE register_id = ${range.registerId} AND ${wanted}
        ORDER BY number LIMIT ${range.countMax}
      ) AS found
      WINDOW run AS (ORDER BY number ROWS UNBOUNDED PRECEDING)
    ) AS sized
    WHERE (total <= ${range.bytesMax} OR place = 1) AND ${isInRun}
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

/**
 * A part of each named docket's bundle, in the order asked for, and the docket's first version. A
 * docket that isn't stored leaves its part out.
 */
export async function readDocketParts(
  sql: Sql,
  wanted: {
    registerId: string;
    parts: readonly { docketNumber: number; offset: number; length: number }[];
  },
): Promise<{ data: Uint8Array; firstVersion: number }[]> {
  if (wanted.parts.length === 0) return [];
  const rows = await sql<{ data: Uint8Array; firstVersion: number }[]>`
    SELECT substring(docket.bundle FROM part.start + 1 FOR part.length) AS data,
      docket.first_version AS "firstVersion"
    FROM unnest(
      ${wanted.parts.map((part) => part.docketNumber)}::bigint[],
      ${wanted.parts.map((part) => part.offset)}::integer[],
      ${wanted.parts.map((part) => part.length)}::integer[]
    ) WITH ORDINALITY AS part (number, start, length, place)
    CROSS JOIN LATERAL (
      SELECT first_version, bundle FROM dockets
      WHERE register_id = ${wanted.registerId} AND dockets.number = part.number OFFSET 0
    ) AS docket
    ORDER BY part.place`;
  return [...rows];
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
        lag(hash, 1, ${Buffer.from(run.previousHash, "hex")}::bytea) OVER (ORDER BY number)
          AS expected
      FROM dockets
      WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}
    ) AS run`;
  return row?.count === run.to - run.from + 1 && row.isLinked;
}

/** Number of the lowest docket that is stored, or null. */
export async function findLowestDocket(sql: Sql, registerId: string): Promise<number | null> {
  const [row] = await sql<{ lowest: number | null }[]>`
    SELECT min(number) AS lowest FROM dockets WHERE register_id = ${registerId}`;
  return row?.lowest ?? null;
}

export async function deleteDockets(
  sql: Sql,
  run: { registerId: string; from: number; to: number },
): Promise<void> {
  await sql`
    DELETE FROM dockets
    WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}`;
}

/** Makes room of what was deleted, where nothing else does. Not within a transaction. */
export async function vacuumDockets(sql: Sql): Promise<void> {
  await sql`VACUUM dockets`;
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
