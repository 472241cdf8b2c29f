import type { Sql } from "../store/database.ts";
import type { Peer } from "./book.ts";
import { bytesOfRecord, recordOfBytes } from "./messages.ts";
import { newScore } from "./score.ts";

/** Stores what is known of the peers, all in one statement. Adverts are news, not knowledge. */
export async function savePeers(sql: Sql, peers: readonly Peer[]): Promise<void> {
  if (peers.length === 0) return;
  const rows = peers.map((peer) => ({
    peer_id: peer.peerId,
    address: peer.host,
    port: peer.port,
    public_key: peer.publicKey,
    record_seq: peer.seq,
    record: peer.record === null ? null : bytesOfRecord(peer.record),
    is_seed: peer.isSeed,
    first_seen_ms: Math.round(peer.firstSeenMs),
    last_seen_ms: Math.round(peer.lastSeenMs),
    failure_count: peer.failureCount,
    score: peer.score.success,
    is_banned: peer.isBanned,
    banned_at_ms: peer.bannedAtMs,
    ban_reason: peer.banReason,
  }));
  await sql`
    INSERT INTO peers ${sql(rows)}
    ON CONFLICT (peer_id) DO UPDATE SET
      address = excluded.address, port = excluded.port, public_key = excluded.public_key,
      record_seq = excluded.record_seq, record = excluded.record, is_seed = excluded.is_seed,
      last_seen_ms = excluded.last_seen_ms, failure_count = excluded.failure_count,
      score = excluded.score, is_banned = excluded.is_banned,
      banned_at_ms = excluded.banned_at_ms, ban_reason = excluded.ban_reason`;
}

/** The peers as they were stored: none of them connected, none a seed until configured so. */
export async function loadPeers(
  sql: Sql,
  options: { nowMs: number; countMax: number },
): Promise<Peer[]> {
  const rows = await sql<StoredPeer[]>`
    SELECT * FROM peers ORDER BY is_banned DESC, last_seen_ms DESC LIMIT ${options.countMax}`;
  return rows.map((row) => peerOf(row, options.nowMs));
}

interface StoredPeer {
  peer_id: string;
  address: string;
  port: number;
  public_key: Uint8Array | null;
  record_seq: number;
  record: Uint8Array | null;
  first_seen_ms: number;
  last_seen_ms: number;
  failure_count: number;
  score: number;
  is_banned: boolean;
  banned_at_ms: number | null;
  ban_reason: string | null;
}

function peerOf(row: StoredPeer, nowMs: number): Peer {
  const record = row.record === null ? null : recordOfBytes(row.record);
  return {
    peerId: row.peer_id,
    host: row.address,
    port: row.port,
    protocols: record?.protocols ?? [],
    publicKey: row.public_key,
    record,
    seq: row.record_seq,
    isSeed: false,
    firstSeenMs: row.first_seen_ms,
    lastSeenMs: row.last_seen_ms,
    failureCount: row.failure_count,
    score: { ...newScore(nowMs), success: row.score },
    connection: "known",
    isBanned: row.is_banned,
    bannedAtMs: row.banned_at_ms,
    banReason: row.ban_reason,
    adverts: new Map(),
  };
}
