import { hexOf } from "../base/bytes.ts";
import type { Sql } from "../store/database.ts";

/** One of the sealed dockets that claim one number: proof against the register's validators. */
export interface Evidence {
  registerId: string;
  docketNumber: number;
  hash: string;
  /** The docket document as it came. */
  docketData: Uint8Array;
  sourcePeerId: string | null;
  foundAtMs: number;
}

/** Keeps the document; one that is there already stays as it is. */
export async function addEvidence(sql: Sql, evidence: Evidence): Promise<void> {
  await sql`
    INSERT INTO evidence (
      register_id, docket_number, hash, docket_data, source_peer_id, found_at_ms
    ) VALUES (
      ${evidence.registerId}, ${evidence.docketNumber}, ${Buffer.from(evidence.hash, "hex")},
      ${evidence.docketData}, ${evidence.sourcePeerId}, ${evidence.foundAtMs}
    ) ON CONFLICT DO NOTHING`;
}

/** In order of docket number; at most `countMax`. */
export async function listEvidence(
  sql: Sql,
  wanted: { registerId: string; countMax: number },
): Promise<Evidence[]> {
  const rows = await sql<(Omit<Evidence, "hash"> & { hash: Uint8Array })[]>`
    SELECT register_id AS "registerId", docket_number AS "docketNumber", hash,
      docket_data AS "docketData", source_peer_id AS "sourcePeerId", found_at_ms AS "foundAtMs"
    FROM evidence WHERE register_id = ${wanted.registerId}
    ORDER BY docket_number, hash LIMIT ${wanted.countMax}`;
  return rows.map((row) => ({ ...row, hash: hexOf(row.hash) }));
}
