import { hexOf } from "../base/bytes.ts";
import type { Sql } from "../store/database.ts";
import type { DocketColumns } from "./docket-columns.ts";

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
 * Stores a page's dockets in one statement, its bytes as one parameter that the database cuts up.
 * A number that is taken fails it: nothing stored is ever overwritten.
 */
export async function insertDockets(sql: Sql, page: DocketColumns): Promise<void> {
  await sql`
    INSERT INTO dockets (
      register_id, number, hash, previous_hash, time_ms, first_version, transaction_count,
      is_control, is_sealed, header_bytes, bundle_bytes, bundle
    )
    SELECT ${page.registerId}, number, substring(given.hashes FROM i::integer * 32 - 31 FOR 32),
      CASE WHEN number = 0 THEN '' ELSE substring(given.previous FROM i::integer * 32 - 31 FOR 32) END,
      time_ms, first_version, transaction_count, flags & 1 <> 0, flags & 2 <> 0, header_bytes,
      bundle_bytes, substring(given.bytes FROM body_offset + 1 FOR bundle_bytes)
    FROM
      (SELECT ${page.bytes}::bytea AS bytes, ${page.hashes}::bytea AS hashes,
        ${page.previousHashes}::bytea AS previous) AS given,
      unnest(
        ${page.numbers}::bigint[], ${page.timesMs}::bigint[], ${page.firstVersions}::bigint[],
        ${page.transactionCounts}::integer[], ${page.flags}::integer[],
        ${page.headerLengths}::integer[], ${page.offsets}::integer[], ${page.lengths}::integer[]
      ) WITH ORDINALITY AS docket (
        number, time_ms, first_version, transaction_count, flags, header_bytes, body_offset,
        bundle_bytes, i
      )`;
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
        lag(hash, 1, ${Buffer.from(run.previousHash, "hex")}::bytea) OVER (ORDER BY number) AS expected
      FROM dockets
      WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}
    ) AS run`;
  return row?.count === run.to - run.from + 1 && row.isLinked;
}

/** Deletes up to `countMax` of a register's dockets and says how many there were. */
export async function deleteDockets(
  sql: Sql,
  chunk: { registerId: string; countMax: number },
): Promise<number> {
  const deleted = await sql`
    DELETE FROM dockets WHERE register_id = ${chunk.registerId} AND number IN (
      SELECT number FROM dockets WHERE register_id = ${chunk.registerId} LIMIT ${chunk.countMax}
    )`;
  return deleted.count;
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
