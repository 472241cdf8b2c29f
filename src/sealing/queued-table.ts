import type { Sql } from "../store/database.ts";

/** Table `queued_transactions`: accepted transactions that no docket holds yet. */
export interface QueuedTransaction {
  registerId: string;
  transactionId: string;
  data: Uint8Array;
}

/** Keeps a transaction until its docket is stored. `place` ascends in the order of acceptance. */
export async function insertQueued(
  sql: Sql,
  queued: QueuedTransaction & { place: number; nowMs: number },
): Promise<void> {
  await sql`
    INSERT INTO queued_transactions (register_id, transaction_id, place, data, state, queued_at_ms)
    VALUES (${queued.registerId}, ${queued.transactionId}, ${queued.place}, ${queued.data},
            'waiting', ${queued.nowMs})
    ON CONFLICT DO NOTHING`;
}

export async function deleteQueued(
  sql: Sql,
  sealed: { registerId: string; transactionIds: readonly string[] },
): Promise<void> {
  if (sealed.transactionIds.length === 0) return;
  await sql`
    DELETE FROM queued_transactions
     WHERE register_id = ${sealed.registerId}
       AND transaction_id IN ${sql([...sealed.transactionIds])}`;
}

/** In the order of acceptance. */
export async function listQueued(sql: Sql, registerId: string): Promise<QueuedTransaction[]> {
  const rows = await sql<QueuedTransaction[]>`
    SELECT register_id AS "registerId", transaction_id AS "transactionId", data
      FROM queued_transactions
     WHERE register_id = ${registerId} AND state = 'waiting' ORDER BY place`;
  return [...rows];
}

export async function countQueued(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*) AS count FROM queued_transactions WHERE state = 'waiting'`;
  return row?.count ?? 0;
}
