import type { Sql, Transaction } from "../store/database.ts";

/** Which part of a docket, or of what is kept beside it, is not what it was. */
export type DamagedPart = "bundle" | "columns" | "index" | "register";

/** A run of dockets that an audit found damaged in the same way. */
export interface Damage {
  part: DamagedPart;
  firstNumber: number;
  lastNumber: number;
  /** A refusal's code of `dockets/verify.ts`, or `missing`, `column`, `index`, `row`. */
  code: string;
  /** One sentence. */
  message: string;
}

export async function listDamage(sql: Sql): Promise<(Damage & { registerId: string })[]> {
  const rows = await sql<(Damage & { registerId: string })[]>`
    SELECT register_id AS "registerId", part, first_number AS "firstNumber",
      last_number AS "lastNumber", code, message
    FROM damage ORDER BY register_id, first_number, part`;
  return [...rows];
}

/** What is known of a register's damage from here on; what was known before is forgotten. */
export async function replaceDamage(
  transaction: Transaction,
  known: { registerId: string; damage: readonly Damage[] },
): Promise<void> {
  await transaction`DELETE FROM damage WHERE register_id = ${known.registerId}`;
  if (known.damage.length === 0) return;
  const rows = known.damage.map((one) => ({
    register_id: known.registerId,
    part: one.part,
    first_number: one.firstNumber,
    last_number: one.lastNumber,
    code: one.code,
    message: one.message,
  }));
  await transaction`INSERT INTO damage ${transaction(rows)} ON CONFLICT DO NOTHING`;
}
