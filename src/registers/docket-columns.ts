import type { BinaryRow } from "../store/binary-rows.ts";
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

/** What `rowOf` reads, in its order. */
export function columns(sql: Sql): Fragment {
  return sql`
    number, hash, previous_hash, time_ms, first_version, transaction_count, is_control, is_sealed,
    bundle_bytes`;
}

export function rowOf(row: BinaryRow): DocketRow {
  return {
    number: row.number(),
    hash: row.hex(),
    previousHash: row.hex(),
    timeMs: row.number(),
    firstVersion: row.number(),
    transactionCount: row.number(),
    isControl: row.boolean(),
    isSealed: row.boolean(),
    bundleBytes: row.number(),
  };
}
