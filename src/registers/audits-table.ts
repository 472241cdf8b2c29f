import type { Sql } from "../store/database.ts";

/** How a register's last audit ended. */
export interface AuditRow {
  registerId: string;
  finishedAtMs: number;
  tookMs: number;
  dockets: number;
  transactions: number;
  isWhole: boolean;
  /** Nothing from this docket on could be judged; null: all was. */
  unjudgedFrom: number | null;
}

export async function listAudits(sql: Sql): Promise<AuditRow[]> {
  const rows = await sql<AuditRow[]>`
    SELECT register_id AS "registerId", finished_at_ms AS "finishedAtMs", took_ms AS "tookMs",
      dockets, transactions, is_whole AS "isWhole", unjudged_from AS "unjudgedFrom"
    FROM audits ORDER BY finished_at_ms`;
  return [...rows];
}

export async function storeAudit(sql: Sql, row: AuditRow): Promise<void> {
  await sql`
    INSERT INTO audits (
      register_id, finished_at_ms, took_ms, dockets, transactions, is_whole, unjudged_from
    ) VALUES (
      ${row.registerId}, ${row.finishedAtMs}, ${row.tookMs}, ${row.dockets}, ${row.transactions},
      ${row.isWhole}, ${row.unjudgedFrom}
    ) ON CONFLICT (register_id) DO UPDATE SET
      finished_at_ms = excluded.finished_at_ms, took_ms = excluded.took_ms,
      dockets = excluded.dockets, transactions = excluded.transactions,
      is_whole = excluded.is_whole, unjudged_from = excluded.unjudged_from`;
}

export async function deleteAudit(sql: Sql, registerId: string): Promise<void> {
  await sql`DELETE FROM audits WHERE register_id = ${registerId}`;
}
