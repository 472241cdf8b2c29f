import type { Sql } from "../store/database.ts";

/** Table `queued_transactions`: accepted transactions that no docket holds yet. */
export interface QueuedTransaction {
  registerId: string;
  transactionId: string;
  data: Uint8Array;
}

/** waiting → dead when it was tried too often; dead → waiting when an operator wants it. */
export type QueuedState = "waiting" | "dead";

/** A queued transaction without its document. Times are unix ms. */
export interface QueuedRow {
  registerId: string;
  transactionId: string;
  state: QueuedState;
  bytes: number;
  attempts: number;
  nextAttemptMs: number;
  lastError: string | null;
  queuedAtMs: number;
}

/**
 * Keeps a transaction until its docket is stored. `place` ascends in the order of acceptance. False
 * when it is there already.
 */
export async function insertQueued(
  sql: Sql,
  queued: QueuedTransaction & { place: number; nowMs: number },
): Promise<boolean> {
  const rows = await sql`
    INSERT INTO queued_transactions (register_id, transaction_id, place, data, state, queued_at_ms)
    VALUES (${queued.registerId}, ${queued.transactionId}, ${queued.place}, ${queued.data},
            'waiting', ${queued.nowMs})
    ON CONFLICT DO NOTHING RETURNING place`;
  return rows.length > 0;
}

/** Gives the sizes of those that were there. */
export async function deleteQueued(
  sql: Sql,
  sealed: { registerId: string; transactionIds: readonly string[] },
): Promise<{ transactionId: string; bytes: number; state: QueuedState }[]> {
  if (sealed.transactionIds.length === 0) return [];
  const rows = await sql<{ transactionId: string; bytes: number; state: QueuedState }[]>`
    DELETE FROM queued_transactions
     WHERE register_id = ${sealed.registerId}
       AND transaction_id IN ${sql([...sealed.transactionIds])}
    RETURNING transaction_id AS "transactionId", octet_length(data) AS bytes, state`;
  return [...rows];
}

/** Those that wait, in the order of acceptance. */
export async function listQueued(
  sql: Sql,
  registerId: string,
): Promise<(QueuedTransaction & { attempts: number })[]> {
  const rows = await sql<(QueuedTransaction & { attempts: number })[]>`
    SELECT register_id AS "registerId", transaction_id AS "transactionId", data, attempts
      FROM queued_transactions
     WHERE register_id = ${registerId} AND state = 'waiting' ORDER BY place`;
  return [...rows];
}

export async function readQueued(
  sql: Sql,
  wanted: { registerId: string; transactionId: string },
): Promise<(QueuedTransaction & { state: QueuedState }) | null> {
  const [row] = await sql<(QueuedTransaction & { state: QueuedState })[]>`
    SELECT register_id AS "registerId", transaction_id AS "transactionId", data, state
      FROM queued_transactions
     WHERE register_id = ${wanted.registerId} AND transaction_id = ${wanted.transactionId}`;
  return row ?? null;
}

/** Which queued transactions are wanted; null: whatever it is. */
export interface QueuePage {
  offset: number;
  limit: number;
  state: QueuedState | null;
  registerId: string | null;
  transactionId: string | null;
}

/** Dead letters first, then what waits, each in the order of acceptance. */
export async function pageQueued(sql: Sql, page: QueuePage): Promise<QueuedRow[]> {
  const rows = await sql<QueuedRow[]>`
    SELECT register_id AS "registerId", transaction_id AS "transactionId", state,
           octet_length(data) AS bytes, attempts, next_attempt_ms AS "nextAttemptMs",
           last_error AS "lastError", queued_at_ms AS "queuedAtMs"
      FROM queued_transactions
     WHERE (${page.state}::text IS NULL OR state = ${page.state})
       AND (${page.registerId}::text IS NULL OR register_id = ${page.registerId})
       AND (${page.transactionId}::text IS NULL OR transaction_id = ${page.transactionId})
     ORDER BY state, place, transaction_id OFFSET ${page.offset} LIMIT ${page.limit}`;
  return [...rows];
}

/** An attempt failed; with `isDead` it was the last one. */
export async function noteAttempt(
  sql: Sql,
  failed: {
    registerId: string;
    transactionId: string;
    attempts: number;
    nextAttemptMs: number;
    lastError: string;
    isDead: boolean;
  },
): Promise<void> {
  await sql`
    UPDATE queued_transactions
       SET attempts = ${failed.attempts}, next_attempt_ms = ${failed.nextAttemptMs},
           last_error = ${failed.lastError}, state = ${failed.isDead ? "dead" : "waiting"}
     WHERE register_id = ${failed.registerId} AND transaction_id = ${failed.transactionId}`;
}

/** A dead letter waits again, with all its attempts; false: it is none. */
export async function reviveQueued(
  sql: Sql,
  wanted: { registerId: string; transactionId: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE queued_transactions SET state = 'waiting', attempts = 0, next_attempt_ms = 0
     WHERE register_id = ${wanted.registerId} AND transaction_id = ${wanted.transactionId}
       AND state = 'dead'
    RETURNING transaction_id`;
  return rows.length > 0;
}

/** How many wait, their bytes, and how many are dead letters. */
export async function countQueued(
  sql: Sql,
): Promise<{ waiting: number; dead: number; bytes: number }> {
  const [row] = await sql<{ waiting: number; dead: number; bytes: number }[]>`
    SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'dead') AS dead,
           coalesce(sum(octet_length(data)), 0)::bigint AS bytes
      FROM queued_transactions`;
  return row ?? { waiting: 0, dead: 0, bytes: 0 };
}
