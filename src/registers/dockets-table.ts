import { type BinaryRow, readBinary } from "../store/binary-rows.ts";
import { copyRows } from "../store/copy.ts";
import type { Fragment, Sql, Transaction } from "../store/database.ts";
import { countReadable, countWhole } from "./damage.ts";
import { columns, type DocketRow, rowOf } from "./docket-columns.ts";
import { type DocketPart, givenRows, portionsOf } from "./docket-rows.ts";

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
 * `next` isn't held. The bounds are kept by the database: what is not wanted is never read. Ends
 * before a docket that is known to be damaged, and throws `docket-damaged` when that is the first.
 */
export async function readBundles(sql: Sql, asked: BundleRange): Promise<StoredBundle[]> {
  const range = { ...asked, countMax: countReadable(asked) };
  const size = range.headersOnly ? sql`header_bytes` : sql`bundle_bytes`;
  const bytes = range.headersOnly ? sql`substring(bundle FROM 1 FOR header_bytes)` : sql`bundle`;
  // An end by number, where there can be one, keeps a planner without statistics from sorting all
  // that comes after.
  const wanted = range.controlOnly
    ? sql`number >= ${range.next} AND is_control`
    : sql`number BETWEEN ${range.next} AND ${range.next + range.countMax - 1}`;
  const isInRun = range.controlOnly ? sql`true` : sql`number = ${range.next} + place - 1`;
  const query = sql`
    SELECT number, ${bytes}, first_version, transaction_count
    FROM (
      SELECT *, row_number() OVER run AS place, sum(${size}) OVER run AS total
      FROM (
        SELECT * FROM dockets
        WHERE register_id = ${range.registerId} AND ${wanted}
        ORDER BY number LIMIT ${range.countMax}
      ) AS found
      WINDOW run AS (ORDER BY number ROWS UNBOUNDED PRECEDING)
    ) AS sized
    WHERE (total <= ${range.bytesMax} OR place = 1) AND ${isInRun}
    ORDER BY number`;
  return await readBinary(query, (row) => ({
    number: row.number(),
    bundle: row.bytes(),
    firstVersion: row.number(),
    transactionCount: row.number(),
  }));
}

/** A docket as it lies in the store, damaged or not. For the audit and for repair alone. */
export interface UncheckedDocket extends DocketRow {
  headerBytes: number;
  bundle: Uint8Array;
}

/** Like `readBundles`, with the columns, and gaps where dockets are missing. */
export async function readUnchecked(
  sql: Sql,
  range: { registerId: string; next: number; last: number; bytesMax: number },
): Promise<UncheckedDocket[]> {
  const query = sql`
    SELECT ${columns(sql)}, header_bytes, bundle
    FROM (
      SELECT *, sum(octet_length(bundle)) OVER run AS total, row_number() OVER run AS place
      FROM dockets
      WHERE register_id = ${range.registerId} AND number BETWEEN ${range.next} AND ${range.last}
      WINDOW run AS (ORDER BY number ROWS UNBOUNDED PRECEDING)
    ) AS sized
    WHERE total <= ${range.bytesMax} OR place = 1
    ORDER BY number`;
  return await readBinary(query, (row) => ({
    ...rowOf(row),
    headerBytes: row.number(),
    bundle: row.bytes(),
  }));
}

/** Numbers of the dockets below `end` that carry a policy, by what their columns say. */
export async function listControlNumbers(
  sql: Sql,
  wanted: { registerId: string; end: number },
): Promise<number[]> {
  const rows = await sql<{ number: number }[]>`
    SELECT number FROM dockets
    WHERE register_id = ${wanted.registerId} AND number < ${wanted.end} AND is_control
    ORDER BY number`;
  return rows.map((row) => row.number);
}

/** The docket with its row, or null. Throws `docket-damaged` where that is known of it. */
export async function readDocket(
  sql: Sql,
  docket: { registerId: string; number: number },
): Promise<(DocketRow & { bundle: Uint8Array }) | null> {
  countWhole(docket.registerId, { from: docket.number, to: docket.number });
  const query = sql`
    SELECT ${columns(sql)}, bundle FROM dockets
    WHERE register_id = ${docket.registerId} AND number = ${docket.number}`;
  const read = (row: BinaryRow) => ({ ...rowOf(row), bundle: row.bytes() });
  return (await readBinary(query, read))[0] ?? null;
}

/**
 * A part of each named docket's bundle, in the order asked for, and the docket's first version;
 * `place` is the part's index. A docket that isn't stored leaves its part out.
 */
export async function readDocketParts(
  sql: Sql,
  wanted: {
    registerId: string;
    parts: readonly { docketNumber: number; offset: number; length: number }[];
  },
): Promise<{ place: number; data: Uint8Array; firstVersion: number }[]> {
  if (wanted.parts.length === 0) return [];
  const query = sql`
    SELECT part.place - 1,
      substring(docket.bundle FROM greatest(part.start, 0) + 1 FOR greatest(part.length, 0)),
      docket.first_version
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
  return await readBinary(query, (row) => ({
    place: row.number(),
    data: row.bytes(),
    firstVersion: row.number(),
  }));
}

/** The docket that holds the register's transaction number `version` (1-based), or null. */
export async function findDocketOfVersion(
  sql: Sql,
  wanted: { registerId: string; version: number },
): Promise<DocketRow | null> {
  const query = sql`
    SELECT ${columns(sql)} FROM dockets
    WHERE register_id = ${wanted.registerId}
      AND first_version BETWEEN 1 AND ${wanted.version} AND transaction_count > 0
    ORDER BY first_version DESC, number DESC LIMIT 1`;
  const [row] = await readBinary(query, rowOf);
  if (row === undefined || row.firstVersion + row.transactionCount <= wanted.version) return null;
  return row;
}

/**
 * Stores the dockets of pages at once. A number that is taken fails it: nothing stored is
 * overwritten.
 */
export async function insertDockets(
  transaction: Transaction,
  parts: readonly DocketPart[],
): Promise<void> {
  const statement = `COPY dockets (${written}) FROM STDIN (FORMAT binary)`;
  await copyRows(transaction, { statement, portions: portionsOf(parts) });
}

/** The same as a part of a statement that begins with `givenDockets` and says when to do it. */
export function docketInsert(sql: Sql, when: Fragment): Fragment {
  return sql`
    INSERT INTO dockets (${sql.unsafe(written)}) SELECT * FROM given WHERE ${when}`;
}

/**
 * The dockets of a few small pages as a part of a statement, `given`: they go as parameters, which
 * is quicker than COPY for as long as they are small.
 */
export function givenDockets(sql: Sql, parts: readonly DocketPart[]): Fragment {
  return sql`given (${sql.unsafe(written)}) AS (${givenRows(sql, parts)})`;
}

/** The columns of a row as it is written. */
const written = `register_id, number, hash, previous_hash, time_ms, first_version,
  transaction_count, is_control, is_sealed, header_bytes, bundle_bytes, bundle`;

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

/** Numbers of the lowest and the highest docket that is stored from `from` on, or null. */
export async function findEnds(
  sql: Sql,
  wanted: { registerId: string; from?: number },
): Promise<{ lowest: number; highest: number } | null> {
  const [row] = await sql<{ lowest: number | null; highest: number | null }[]>`
    SELECT min(number) AS lowest, max(number) AS highest FROM dockets
    WHERE register_id = ${wanted.registerId} AND number >= ${wanted.from ?? 0}`;
  const { lowest = null, highest = null } = row ?? {};
  return lowest === null || highest === null ? null : { lowest, highest };
}

export async function deleteDockets(
  sql: Sql,
  run: { registerId: string; from: number; to: number },
): Promise<void> {
  await sql`
    DELETE FROM dockets
    WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}`;
}

/** The run's dockets but those of the policy chain. Gives what went. */
export async function deletePast(
  transaction: Transaction,
  run: { registerId: string; from: number; to: number },
): Promise<{ transactions: number; bytes: number }> {
  const [gone] = await transaction<{ transactions: number; bytes: number }[]>`
    WITH gone AS (
      DELETE FROM dockets
      WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}
        AND NOT is_control
      RETURNING transaction_count, bundle_bytes
    )
    SELECT coalesce(sum(transaction_count), 0)::bigint AS transactions,
      coalesce(sum(bundle_bytes), 0)::bigint AS bytes FROM gone`;
  return gone ?? { transactions: 0, bytes: 0 };
}

/** How many of the run's dockets are older than `beforeMs`. */
export async function countOlder(
  sql: Sql,
  run: { registerId: string; from: number; to: number; beforeMs: number },
): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) AS count FROM dockets
    WHERE register_id = ${run.registerId} AND number BETWEEN ${run.from} AND ${run.to}
      AND time_ms < ${run.beforeMs}`;
  return row?.count ?? 0;
}

/** Counts the versions of a register that is held from docket 0 on anew. */
export async function renumberVersions(sql: Sql, registerId: string): Promise<void> {
  await sql`
    UPDATE dockets SET first_version = counted.version FROM (
      SELECT number, 1 + sum(transaction_count) OVER (ORDER BY number) - transaction_count
        AS version
      FROM dockets WHERE register_id = ${registerId}
    ) AS counted
    WHERE dockets.register_id = ${registerId} AND dockets.number = counted.number`;
}

/** Makes room of what was deleted, where nothing else does. Not within a transaction. */
export async function vacuumDockets(sql: Sql): Promise<void> {
  await sql`VACUUM dockets`;
}
