import { hexOf } from "../base/bytes.ts";
import type { Fragment, Sql } from "../store/database.ts";

/** How far replication of a register has come: the last docket that was stored, and from whom. */
export interface Checkpoint {
  registerId: string;
  number: number;
  hash: string;
  /** Null for what this node or its operator brought in. */
  sourcePeerId: string | null;
  movedAtMs: number;
}

/** In the transaction that stores the dockets up to it. */
export async function moveCheckpoint(sql: Sql, checkpoint: Checkpoint): Promise<void> {
  await checkpointMove(sql, checkpoint, sql`true`);
}

/** `moveCheckpoint` as a part of a statement, which says when it is to be done. */
export function checkpointMove(sql: Sql, checkpoint: Checkpoint, when: Fragment): Fragment {
  const { registerId, number, hash, sourcePeerId, movedAtMs } = checkpoint;
  return sql`
    INSERT INTO sync_checkpoints (register_id, number, hash, source_peer_id, moved_at_ms)
    SELECT ${registerId}, ${number}::bigint, ${Buffer.from(hash, "hex")}::bytea, ${sourcePeerId},
      ${movedAtMs}::bigint
    WHERE ${when}
    ON CONFLICT (register_id) DO UPDATE SET
      number = excluded.number, hash = excluded.hash, source_peer_id = excluded.source_peer_id,
      moved_at_ms = excluded.moved_at_ms`;
}

export async function readCheckpoint(sql: Sql, registerId: string): Promise<Checkpoint | null> {
  const [row] = await sql<(Omit<Checkpoint, "hash"> & { hash: Uint8Array })[]>`
    SELECT register_id AS "registerId", number, hash, source_peer_id AS "sourcePeerId",
      moved_at_ms AS "movedAtMs"
    FROM sync_checkpoints WHERE register_id = ${registerId}`;
  return row === undefined ? null : { ...row, hash: hexOf(row.hash) };
}

export async function deleteCheckpoint(sql: Sql, registerId: string): Promise<void> {
  await sql`DELETE FROM sync_checkpoints WHERE register_id = ${registerId}`;
}
