import type { Sql } from "../store/database.ts";

/** Table `policy_approvals`: the change of policy that this node votes for, one a register. */
export async function approvePolicy(
  sql: Sql,
  approval: { registerId: string; policy: string },
): Promise<void> {
  await sql`
    INSERT INTO policy_approvals (register_id, policy)
    VALUES (${approval.registerId}, ${approval.policy})
    ON CONFLICT (register_id) DO UPDATE SET policy = excluded.policy`;
}

/** As `policyText` spells it; null: none. */
export async function readApprovedPolicy(sql: Sql, registerId: string): Promise<string | null> {
  const [row] = await sql<{ policy: string }[]>`
    SELECT policy FROM policy_approvals WHERE register_id = ${registerId}`;
  return row?.policy ?? null;
}
