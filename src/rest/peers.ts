import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { PeerView } from "./peer-desk.ts";
import type { PeerJson, QualityJson } from "./schemas.ts";

import type { RestSource } from "./source.ts";
import { visibleAdverts } from "./visible.ts";

type PeersCall = Call<Endpoints["listPeers"]>;

/** A peer that was heard of within this time is worth counting on, ms. */
const freshMs = 30 * 60_000;
const failuresTolerated = 3;

export function listPeers(call: PeersCall): Reply<Endpoints["listPeers"]> {
  const { limit, offset, sort, status } = call.query;
  const matching = call.source.listPeers().filter((peer) => hasStatus(peer, status, call.nowMs));
  matching.sort(orders[sort]);
  const shown = matching.slice(offset, offset + limit);
  const peers = shown.map((peer) => toJson(peer, { ...call, advertsMax: limits.listedAdverts }));
  return { body: peers, headers: { "x-total-count": String(matching.length) } };
}

export function getPeer(call: Call<Endpoints["getPeer"]>): Reply<Endpoints["getPeer"]> {
  const peer = findPeer(call.source, call.params.peerId);
  const { peerId: _, qualityScore: __, qualityRating: ___, ...qualityDetails } = qualityOf(peer);
  const isTracked = peer.quality.succeeded + peer.quality.failed > 0;
  return {
    body: {
      ...toJson(peer, call),
      connection: peer.connection,
      circuit: peer.circuit,
      quarantineReason: peer.quarantine?.reason ?? null,
      qualityDetails: isTracked ? qualityDetails : null,
      health: peer.health,
    },
  };
}

/** The peer, or `not-found`. */
export function findPeer(source: RestSource, peerId: string): PeerView {
  const peer = source.getPeer(peerId);
  if (peer !== null) return peer;
  throw new PeerError("not-found", "unknown-peer", {
    message: `There is no peer ${peerId} in the book`,
    facts: { peerId },
  });
}

/** Not banned, answering, and heard of lately. */
export function isHealthy(peer: PeerView, nowMs: number): boolean {
  const isFresh = nowMs - peer.lastSeenMs < freshMs;
  return !peer.isBanned && peer.failureCount < failuresTolerated && isFresh;
}

const orders: Record<PeersCall["query"]["sort"], (left: PeerView, right: PeerView) => number> = {
  peerId: (left, right) => (left.peerId < right.peerId ? -1 : 1),
  lastSeen: (left, right) => right.lastSeenMs - left.lastSeenMs,
  latency: (left, right) => left.averageLatencyMs - right.averageLatencyMs,
  quality: (left, right) => (right.qualityScore ?? 0) - (left.qualityScore ?? 0),
  failures: (left, right) => right.failureCount - left.failureCount,
};

function hasStatus(peer: PeerView, status: PeersCall["query"]["status"], nowMs: number): boolean {
  switch (status) {
    case undefined:
      return true;
    case "connected":
      return peer.isConnected;
    case "disconnected":
      return !peer.isConnected;
    case "healthy":
      return isHealthy(peer, nowMs);
    case "unhealthy":
      return !isHealthy(peer, nowMs);
    case "banned":
      return peer.isBanned;
    case "quarantined":
      return peer.quarantine !== null;
    case "seed":
      return peer.isSeedNode;
  }
}

export function toJson(
  peer: PeerView,
  call: { caller: PeersCall["caller"]; advertsMax?: number },
): PeerJson {
  const { shown, total } = visibleAdverts(peer, call);
  return {
    peerId: peer.peerId,
    address: peer.address,
    port: peer.port,
    supportedProtocols: [...peer.supportedProtocols],
    firstSeen: new Date(peer.firstSeenMs).toISOString(),
    lastSeen: timeOf(peer.lastSeenMs === 0 ? null : peer.lastSeenMs),
    failureCount: peer.failureCount,
    isSeedNode: peer.isSeedNode,
    isConnected: peer.isConnected,
    averageLatencyMs: peer.averageLatencyMs,
    isBanned: peer.isBanned,
    bannedAt: timeOf(peer.bannedAtMs),
    banReason: peer.banReason,
    qualityScore: peer.qualityScore ?? 0,
    qualityRating: ratingOf(peer.qualityScore),
    quarantinedUntil: timeOf(peer.quarantine?.untilMs ?? null),
    advertisedRegisterCount: total,
    advertisedRegisters: shown.map((advert) => ({
      registerId: advert.registerId,
      syncState: advert.syncState,
      latestVersion: advert.latestVersion,
      latestDocketVersion: advert.latestDocketVersion,
      isPublic: advert.isPublic,
    })),
  };
}

export function qualityOf(peer: PeerView): QualityJson {
  const { succeeded, failed, minLatencyMs, maxLatencyMs, updatedAtMs } = peer.quality;
  const total = succeeded + failed;
  return {
    peerId: peer.peerId,
    averageLatencyMs: peer.averageLatencyMs,
    minLatencyMs,
    maxLatencyMs,
    successRate: total === 0 ? 0 : succeeded / total,
    totalRequests: total,
    successfulRequests: succeeded,
    failedRequests: failed,
    qualityScore: peer.qualityScore ?? 0,
    qualityRating: ratingOf(peer.qualityScore),
    lastUpdated: new Date(updatedAtMs).toISOString(),
  };
}

export function ratingOf(score: number | null): PeerJson["qualityRating"] {
  if (score === null) return "Unknown";
  if (score >= 80) return "Excellent";
  if (score >= 60) return "Good";
  if (score >= 40) return "Fair";
  return score >= 20 ? "Poor" : "Very Poor";
}

export function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
