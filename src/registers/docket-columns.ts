import { hexOf } from "../base/bytes.ts";
import type { Fragment, Sql } from "../store/database.ts";

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

/** The same as the database gives it. */
export interface RawRow extends Omit<DocketRow, "hash" | "previousHash"> {
  hash: Uint8Array;
  previousHash: Uint8Array;
}

export function columns(sql: Sql): Fragment {
  return sql`
    number, hash, previous_hash AS "previousHash", time_ms AS "timeMs",
    first_version AS "firstVersion", transaction_count AS "transactionCount",
    is_control AS "isControl", is_sealed AS "isSealed", bundle_bytes AS "bundleBytes"`;
}

export function toRow(row: RawRow): DocketRow {
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
