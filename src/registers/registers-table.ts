import { present } from "../base/assert.ts";
import { bytesOfHex, hexOf } from "../base/bytes.ts";
import type { Anchor, Policy } from "../dockets/types.ts";
import type { Fragment, Sql } from "../store/database.ts";

/** `chain`: linked and hashed, but not every docket carries the seal its policy asks for. */
export type Verification = "sealed" | "chain";

/** A register as it is held here. There is no row before the first docket is stored. */
export interface RegisterRow {
  registerId: string;
  name: string;
  description: string;
  isPublic: boolean;
  /** The policy in force after the head. */
  policy: Policy;
  genesisHash: string;
  /** Lowest docket of the unbroken run that ends at the head; 0 for a full replica. */
  firstNumber: number;
  headNumber: number;
  headHash: string;
  headTimeMs: number;
  /** Version of the newest transaction: its 1-based place in the register. */
  latestVersion: number;
  /** Transactions and bytes of bundles that are held here. */
  transactionCount: number;
  bytes: number;
  verification: Verification;
  /** Created by this node. */
  isOrigin: boolean;
  createdAtMs: number;
}

/** Every register but those that are being purged. */
export async function listRegisterRows(sql: Sql): Promise<RegisterRow[]> {
  const rows = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM registers WHERE NOT is_purging ORDER BY register_id`;
  return rows.map(toRow);
}

export async function readRegisterRow(sql: Sql, registerId: string): Promise<RegisterRow | null> {
  const [row] = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM registers WHERE register_id = ${registerId} AND NOT is_purging`;
  return row === undefined ? null : toRow(row);
}

/** False when the register is there already, be it only what a purge hasn't deleted yet. */
export async function insertRegister(sql: Sql, row: RegisterRow): Promise<boolean> {
  const inserted = await sql`
    INSERT INTO registers (
      register_id, name, description, is_public, policy, genesis_hash, first_number, head_number,
      head_hash, head_time_ms, latest_version, transaction_count, bytes, verification, is_origin,
      created_at_ms
    ) VALUES (
      ${row.registerId}, ${row.name}, ${row.description}, ${row.isPublic},
      ${JSON.stringify(row.policy)}, ${hashBytes(row.genesisHash)}, ${row.firstNumber},
      ${row.headNumber}, ${hashBytes(row.headHash)}, ${row.headTimeMs}, ${row.latestVersion},
      ${row.transactionCount}, ${row.bytes}, ${row.verification}, ${row.isOrigin},
      ${row.createdAtMs}
    ) ON CONFLICT (register_id) DO NOTHING`;
  return inserted.count === 1;
}

/**
 * Moves the head from where the caller believes it is to `row`'s. False when it is elsewhere.
 * Locks the register until the transaction ends, so that appends to one register queue up here.
 */
export async function moveHead(sql: Sql, move: HeadMove): Promise<boolean> {
  const moved = await headMove(sql, move);
  return moved.count === 1;
}

export interface HeadMove {
  from: { number: number; hash: string };
  to: RegisterRow;
}

/** `moveHead` as a part of a statement; further conditions may follow it. */
export function headMove(sql: Sql, { from, to: row }: HeadMove): Fragment {
  return sql`
    UPDATE registers SET
      name = ${row.name}, description = ${row.description}, is_public = ${row.isPublic},
      policy = ${JSON.stringify(row.policy)}, head_number = ${row.headNumber},
      head_hash = ${hashBytes(row.headHash)}, head_time_ms = ${row.headTimeMs},
      latest_version = ${row.latestVersion}, transaction_count = ${row.transactionCount},
      bytes = ${row.bytes}, verification = ${row.verification}
    WHERE register_id = ${row.registerId} AND NOT is_purging
      AND head_number = ${from.number} AND head_hash = ${hashBytes(from.hash)}`;
}

/**
 * Moves the lowest docket of the unbroken run, and what is held with it. False when it is not where
 * the caller believes it is.
 */
export async function moveFirst(
  sql: Sql,
  move: { from: number; to: RegisterRow },
): Promise<boolean> {
  const row = move.to;
  const moved = await sql`
    UPDATE registers SET
      first_number = ${row.firstNumber}, latest_version = ${row.latestVersion},
      transaction_count = ${row.transactionCount}, bytes = ${row.bytes},
      verification = ${row.verification}
    WHERE register_id = ${row.registerId} AND NOT is_purging AND first_number = ${move.from}`;
  return moved.count === 1;
}

/** For `repair.ts`: the row as the register's dockets say it. */
export async function correctRegister(sql: Sql, row: RegisterRow): Promise<void> {
  await sql`
    UPDATE registers SET
      name = ${row.name}, description = ${row.description}, is_public = ${row.isPublic},
      policy = ${JSON.stringify(row.policy)}, genesis_hash = ${hashBytes(row.genesisHash)},
      first_number = ${row.firstNumber}, head_number = ${row.headNumber},
      head_hash = ${hashBytes(row.headHash)}, head_time_ms = ${row.headTimeMs},
      latest_version = ${row.latestVersion}, transaction_count = ${row.transactionCount},
      bytes = ${row.bytes}, verification = ${row.verification}
    WHERE register_id = ${row.registerId} AND NOT is_purging`;
}

/** From here on the register is as good as gone. False when there is none. */
export async function markPurging(sql: Sql, registerId: string): Promise<boolean> {
  const marked = await sql`
    UPDATE registers SET is_purging = true WHERE register_id = ${registerId}`;
  return marked.count === 1;
}

export async function listPurging(sql: Sql): Promise<string[]> {
  const rows = await sql<{ registerId: string }[]>`
    SELECT register_id AS "registerId" FROM registers WHERE is_purging ORDER BY register_id`;
  return rows.map((row) => row.registerId);
}

export async function deleteRegister(sql: Sql, registerId: string): Promise<void> {
  await sql`DELETE FROM registers WHERE register_id = ${registerId}`;
}

/** What the register's next docket must fit on. */
export function anchorOfRow(row: RegisterRow): Anchor {
  return {
    registerId: row.registerId,
    nextNumber: row.headNumber + 1,
    previousHash: row.headHash,
    previousTimeMs: row.headTimeMs,
    policy: row.policy,
  };
}

interface RawRow extends Omit<RegisterRow, "policy" | "genesisHash" | "headHash"> {
  policy: string;
  genesisHash: Uint8Array;
  headHash: Uint8Array;
}

function columns(sql: Sql) {
  return sql`
    register_id AS "registerId", name, description, is_public AS "isPublic", policy,
    genesis_hash AS "genesisHash", first_number AS "firstNumber", head_number AS "headNumber",
    head_hash AS "headHash", head_time_ms AS "headTimeMs", latest_version AS "latestVersion",
    transaction_count AS "transactionCount", bytes, verification, is_origin AS "isOrigin",
    created_at_ms AS "createdAtMs"`;
}

function toRow(row: RawRow): RegisterRow {
  return {
    ...row,
    policy: JSON.parse(row.policy) as Policy,
    genesisHash: hexOf(row.genesisHash),
    headHash: hexOf(row.headHash),
  };
}

function hashBytes(hash: string): Uint8Array {
  return present(bytesOfHex(hash), "a hash's bytes");
}
