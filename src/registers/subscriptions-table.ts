import { hexOf } from "../base/bytes.ts";
import type { Sql } from "../store/database.ts";

export type SubscriptionMode = "ForwardOnly" | "FullReplica";
export type SubscriptionState = "Subscribing" | "Syncing" | "FullyReplicated" | "Active" | "Error";

/** What a follower keeps of the past; null: no bound. What breaks either bound goes. */
export interface Retention {
  keepDockets: number | null;
  keepDays: number | null;
}

/** What the operator asked for, and how it is going. */
export interface SubscriptionRow extends Retention {
  registerId: string;
  mode: SubscriptionMode;
  state: SubscriptionState;
  /** Pinned by the operator, or null. */
  genesisHash: string | null;
  /** The source's newest docket as last heard; null while unknown. */
  targetNumber: number | null;
  consecutiveFailures: number;
  errorCode: string | null;
  errorMessage: string | null;
  createdAtMs: number;
  lastSyncAtMs: number | null;
  /** Since when an operator lets it rest; null: it runs. */
  pausedAtMs: number | null;
}

export async function listSubscriptions(sql: Sql): Promise<SubscriptionRow[]> {
  const rows = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM register_subscriptions ORDER BY register_id`;
  return rows.map(toRow);
}

export async function readSubscription(
  sql: Sql,
  registerId: string,
): Promise<SubscriptionRow | null> {
  const [row] = await sql<RawRow[]>`
    SELECT ${columns(sql)} FROM register_subscriptions WHERE register_id = ${registerId}`;
  return row === undefined ? null : toRow(row);
}

/** False when there is one already. */
export async function insertSubscription(
  sql: Sql,
  row: Pick<SubscriptionRow, "registerId" | "mode" | "state" | "genesisHash" | "createdAtMs"> &
    Partial<Retention>,
): Promise<boolean> {
  const inserted = await sql`
    INSERT INTO register_subscriptions (
      register_id, mode, state, genesis_hash, created_at_ms, keep_dockets, keep_days
    ) VALUES (
      ${row.registerId}, ${row.mode}, ${row.state},
      ${row.genesisHash === null ? null : Buffer.from(row.genesisHash, "hex")}, ${row.createdAtMs},
      ${row.keepDockets ?? null}, ${row.keepDays ?? null}
    ) ON CONFLICT (register_id) DO NOTHING`;
  return inserted.count === 1;
}

/** Stores how it is going. False when the subscription is gone. */
export async function updateSubscription(
  sql: Sql,
  row: Omit<
    SubscriptionRow,
    "mode" | "genesisHash" | "createdAtMs" | "pausedAtMs" | keyof Retention
  >,
): Promise<boolean> {
  const updated = await sql`
    UPDATE register_subscriptions SET
      state = ${row.state}, target_number = ${row.targetNumber},
      consecutive_failures = ${row.consecutiveFailures}, error_code = ${row.errorCode},
      error_message = ${row.errorMessage}, last_sync_at_ms = ${row.lastSyncAtMs}
    WHERE register_id = ${row.registerId}`;
  return updated.count === 1;
}

/** False when the subscription is gone. */
export async function setPaused(
  sql: Sql,
  row: Pick<SubscriptionRow, "registerId" | "pausedAtMs">,
): Promise<boolean> {
  const updated = await sql`
    UPDATE register_subscriptions SET paused_at_ms = ${row.pausedAtMs}
    WHERE register_id = ${row.registerId}`;
  return updated.count === 1;
}

/** False when there was none. */
export async function deleteSubscription(sql: Sql, registerId: string): Promise<boolean> {
  const deleted = await sql`
    DELETE FROM register_subscriptions WHERE register_id = ${registerId}`;
  return deleted.count === 1;
}

interface RawRow extends Omit<SubscriptionRow, "genesisHash"> {
  genesisHash: Uint8Array | null;
}

function columns(sql: Sql) {
  return sql`
    register_id AS "registerId", mode, state, genesis_hash AS "genesisHash",
    target_number AS "targetNumber", consecutive_failures AS "consecutiveFailures",
    error_code AS "errorCode", error_message AS "errorMessage", created_at_ms AS "createdAtMs",
    last_sync_at_ms AS "lastSyncAtMs", paused_at_ms AS "pausedAtMs",
    keep_dockets AS "keepDockets", keep_days AS "keepDays"`;
}

function toRow(row: RawRow): SubscriptionRow {
  return { ...row, genesisHash: row.genesisHash === null ? null : hexOf(row.genesisHash) };
}
