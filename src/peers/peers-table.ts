import { limits } from "../runtime/limits.ts";
import type { Sql } from "../store/database.ts";
import { bytesOfRecord, recordOfBytes } from "./messages.ts";
import { newPeer, type Peer } from "./peer.ts";
import { isSigned, type PeerRecord } from "./record.ts";
import { newScore } from "./score.ts";

/**
 * Stores what is known of the peers, so many in a statement: signed records can be long, and others
 * wait for the database, too. Adverts are news, not knowledge, and stay only where they are signed.
 */
export async function savePeers(sql: Sql, peers: readonly Peer[]): Promise<void> {
  for (let at = 0; at < peers.length; at += limits.peersSavedAtOnce) {
    await saveSome(sql, peers.slice(at, at + limits.peersSavedAtOnce));
  }
}

async function saveSome(sql: Sql, peers: readonly Peer[]): Promise<void> {
  const rows = peers.map(rowOf);
  await sql`
    INSERT INTO peers ${sql(rows)}
    ON CONFLICT (peer_id) DO UPDATE SET
      address = excluded.address, port = excluded.port, public_key = excluded.public_key,
      record_seq = excluded.record_seq, record = excluded.record, is_seed = excluded.is_seed,
      is_manual = excluded.is_manual, is_tried = excluded.is_tried,
      is_certified = excluded.is_certified,
      is_anchor = excluded.is_anchor, source_group = excluded.source_group,
      last_seen_ms = excluded.last_seen_ms, failure_count = excluded.failure_count,
      score = excluded.score, is_authenticated = excluded.is_authenticated,
      latency_ms = excluded.latency_ms, succeeded = excluded.succeeded, failed = excluded.failed,
      is_banned = excluded.is_banned, banned_at_ms = excluded.banned_at_ms,
      ban_reason = excluded.ban_reason, quarantined_until_ms = excluded.quarantined_until_ms,
      quarantine_reason = excluded.quarantine_reason,
      quarantine_count = excluded.quarantine_count`;
}

export async function deletePeers(sql: Sql, peerIds: readonly string[]): Promise<void> {
  if (peerIds.length > 0) await sql`DELETE FROM peers WHERE peer_id IN ${sql([...peerIds])}`;
}

/**
 * The peers as they were stored: none of them connected, none a seed until configured so. Bans come
 * first, then those that we know best.
 */
export async function loadPeers(
  sql: Sql,
  options: { nowMs: number; countMax: number },
): Promise<Peer[]> {
  const rows = await sql<StoredPeer[]>`
    SELECT * FROM peers
    ORDER BY is_banned DESC, is_manual DESC, is_anchor DESC, is_tried DESC, last_seen_ms DESC
    LIMIT ${options.countMax}`;
  return rows.map((row) => peerOf(row, options.nowMs));
}

interface StoredPeer {
  peer_id: string;
  address: string;
  port: number;
  public_key: Uint8Array | null;
  record_seq: number;
  record: Uint8Array | null;
  is_manual: boolean;
  is_tried: boolean;
  is_certified: boolean;
  is_anchor: boolean;
  source_group: string;
  first_seen_ms: number;
  last_seen_ms: number;
  failure_count: number;
  score: number;
  is_authenticated: boolean;
  latency_ms: number | null;
  succeeded: number;
  failed: number;
  is_banned: boolean;
  banned_at_ms: number | null;
  ban_reason: string | null;
  quarantined_until_ms: number | null;
  quarantine_reason: string | null;
  quarantine_count: number;
}

function rowOf(peer: Peer): StoredPeer & { is_seed: boolean } {
  const { score, quarantine } = peer;
  return {
    peer_id: peer.peerId,
    address: peer.host,
    port: peer.port,
    public_key: peer.publicKey,
    record_seq: peer.seq,
    record: peer.record === null ? null : bytesOfRecord(lasting(peer.record)),
    is_seed: peer.isSeed,
    is_manual: peer.isManual,
    is_tried: peer.isTried,
    is_certified: peer.isCertified,
    is_anchor: peer.isAnchor,
    source_group: peer.sourceGroup,
    first_seen_ms: Math.round(peer.firstSeenMs),
    last_seen_ms: Math.round(peer.lastSeenMs),
    failure_count: peer.failureCount,
    score: score.success,
    is_authenticated: score.isAuthenticated,
    latency_ms: score.latencyMs,
    succeeded: score.succeeded,
    failed: score.failed,
    is_banned: peer.isBanned,
    banned_at_ms: peer.bannedAtMs,
    ban_reason: peer.banReason,
    quarantined_until_ms: quarantine === null ? null : Math.round(quarantine.untilMs),
    quarantine_reason: quarantine?.reason ?? null,
    quarantine_count: quarantine?.count ?? 0,
  };
}

function lasting(record: PeerRecord): PeerRecord {
  return isSigned(record) ? record : { ...record, adverts: [] };
}

function peerOf(row: StoredPeer, nowMs: number): Peer {
  const record = row.record === null ? null : recordOfBytes(row.record);
  const { peer_id: peerId, address: host, port } = row;
  const empty = { peerId, host, port, protocols: [], adverts: [], publicKey: null };
  const known = record ?? { ...empty, seq: 0, signature: null, lastSeenMs: 0 };
  return {
    ...newPeer({ ...known, peerId, host, port }, { nowMs, sourceGroup: row.source_group || null }),
    protocols: record?.protocols ?? [],
    publicKey: row.public_key,
    record,
    seq: row.record_seq,
    isManual: row.is_manual,
    isTried: row.is_tried,
    isCertified: row.is_certified,
    isAnchor: row.is_anchor,
    firstSeenMs: row.first_seen_ms,
    lastSeenMs: row.last_seen_ms,
    failureCount: row.failure_count,
    score: scoreOf(row, nowMs),
    isBanned: row.is_banned,
    bannedAtMs: row.banned_at_ms,
    banReason: row.ban_reason,
    quarantine:
      row.quarantined_until_ms === null
        ? null
        : {
            untilMs: row.quarantined_until_ms,
            reason: row.quarantine_reason ?? "",
            count: row.quarantine_count,
          },
  };
}

/** It faded while we were away, as if we had been there and heard nothing. */
function scoreOf(row: StoredPeer, nowMs: number): Peer["score"] {
  return {
    ...newScore(row.last_seen_ms === 0 ? nowMs : row.last_seen_ms),
    success: row.score,
    latencyMs: row.latency_ms,
    latencyMinMs: row.latency_ms,
    latencyMaxMs: row.latency_ms,
    succeeded: row.succeeded,
    failed: row.failed,
    isAuthenticated: row.is_authenticated,
  };
}
