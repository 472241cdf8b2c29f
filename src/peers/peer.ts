import { limits } from "../runtime/limits.ts";
import type { PeerHealthMetrics } from "../wire/messages.ts";
import { networkGroup } from "./address.ts";
import type { Advert } from "./advert.ts";
import type { PeerRecord } from "./record.ts";
import { newScore, type Score } from "./score.ts";

/** One other node, as this one knows it. Only the book and the mesh change it. */
export interface Peer {
  readonly peerId: string;
  host: string;
  port: number;
  protocols: string[];
  publicKey: Uint8Array | null;
  record: PeerRecord | null;
  seq: number;
  /** Configured by our operator; never taken from the network. */
  isSeed: boolean;
  /** Added by our operator by hand: dialled wherever it is, and never forgotten by itself. */
  isManual: boolean;
  /** We reached it ourselves under this name; until then it is hearsay. */
  isTried: boolean;
  /** Certificate, token or the name itself vouch that this key goes with this name. */
  isCertified: boolean;
  /** When another key last claimed its name. */
  conflictAtMs: number | null;
  /** One of the good ones of the last run: dialled first after a restart. */
  isAnchor: boolean;
  /** Network group of whoever told us of it first. */
  sourceGroup: string;
  firstSeenMs: number;
  /** When this peer itself last answered us; 0: never. */
  lastSeenMs: number;
  /** Calls in a row that failed. */
  failureCount: number;
  score: Score;
  connection: Connection;
  isBanned: boolean;
  bannedAtMs: number | null;
  banReason: string | null;
  quarantine: Quarantine | null;
  adverts: Map<string, HeardAdvert>;
  /** How it said it is with its last heartbeat. */
  health: PeerHealthMetrics | null;
  /** How far its clock was ahead of ours when it last answered, ms; null: it never said. */
  clockAheadMs: number | null;
}

export interface HeardAdvert extends Advert {
  heardAtMs: number;
  /** Somebody else's word: true as to the register, where signed, but not as to its height. */
  isHearsay: boolean;
}

/** Left alone for a while because it served something false. Ends by itself. */
export interface Quarantine {
  untilMs: number;
  reason: string;
  /** How many so far: each lasts twice as long as the one before. */
  count: number;
}

/**
 * known        → connecting    the mesh dials it
 * connecting   → connected     its handshake was answered
 * connecting   → disconnected  it was not; the mesh tries again after a back-off
 * connected    → disconnected  two heartbeats in a row failed, or it was banned
 * disconnected → connecting    the back-off is over, or it called us
 */
export type Connection = "known" | "connecting" | "connected" | "disconnected";

export function newPeer(
  record: PeerRecord,
  known: { nowMs: number; sourceGroup: string | null },
): Peer {
  return {
    peerId: record.peerId,
    host: record.host,
    port: record.port,
    protocols: [],
    publicKey: null,
    record: null,
    seq: 0,
    isSeed: false,
    isManual: false,
    isTried: false,
    isCertified: false,
    conflictAtMs: null,
    isAnchor: false,
    sourceGroup: known.sourceGroup ?? networkGroup(record.host),
    firstSeenMs: known.nowMs,
    lastSeenMs: 0,
    failureCount: 0,
    score: newScore(known.nowMs),
    connection: "known",
    isBanned: false,
    bannedAtMs: null,
    banReason: null,
    quarantine: null,
    adverts: new Map(),
    health: null,
    clockAheadMs: null,
  };
}

export function isQuarantined(peer: Peer, nowMs: number): boolean {
  return peer.quarantine !== null && peer.quarantine.untilMs > nowMs;
}

/** Nothing that was learned of one node holds for another that bears its name from now on. */
export function unmeet(peer: Peer, nowMs: number): void {
  peer.isTried = false;
  peer.isAnchor = false;
  peer.connection = "known";
  peer.score = newScore(nowMs);
  peer.failureCount = 0;
  peer.quarantine = null;
  peer.health = null;
  peer.adverts.clear();
}

/**
 * Its own word replaces all that was heard before, or all of public registers; others' word only
 * others'.
 */
export function hearAdverts(
  peer: Peer,
  adverts: readonly Advert[],
  how: { isHearsay: boolean; heardAtMs: number; publicOnly?: boolean },
): void {
  const isKept = (one: HeardAdvert) =>
    !one.isHearsay && (how.isHearsay || (how.publicOnly === true && !one.isPublic));
  const kept = [...peer.adverts.values()].filter(isKept);
  peer.adverts.clear();
  for (const advert of kept) peer.adverts.set(advert.registerId, advert);
  for (const advert of adverts.slice(0, limits.advertsPerPeer)) {
    if (advert.docketCount === 0 || peer.adverts.has(advert.registerId)) continue;
    const { isHearsay, heardAtMs } = how;
    peer.adverts.set(advert.registerId, { ...advert, isHearsay, heardAtMs });
  }
}
