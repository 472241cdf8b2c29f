import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { isHealthy, qualityOf, ratingOf, timeOf } from "./peers.ts";

/** The mesh in figures: none of them is capped, and "connected" is a live connection. */
export function peerStats(call: Call<Endpoints["peerStats"]>): Reply<Endpoints["peerStats"]> {
  const peers = call.source.listPeers();
  const tracked = peers.filter((peer) => peer.quality.succeeded + peer.quality.failed > 0);
  const healthy = peers.filter((peer) => isHealthy(peer, call.nowMs)).length;
  const rated = (rating: string) =>
    tracked.filter((peer) => ratingOf(peer.qualityScore) === rating).length;
  const circuits = call.source.peerDesk.circuits();
  const queueSize = call.source.queueSize();
  return {
    body: {
      timestamp: new Date(call.nowMs).toISOString(),
      peerStats: {
        totalPeers: peers.length,
        healthyPeers: healthy,
        unhealthyPeers: peers.length - healthy,
        connectedPeers: peers.filter((peer) => peer.isConnected).length,
        bannedPeers: peers.filter((peer) => peer.isBanned).length,
        seedNodes: peers.filter((peer) => peer.isSeedNode).length,
        averageLatencyMs: average(tracked.map((peer) => peer.averageLatencyMs)),
        totalFailures: peers.reduce((sum, peer) => sum + peer.failureCount, 0),
      },
      qualityStats: {
        totalTrackedPeers: tracked.length,
        excellentPeers: rated("Excellent"),
        goodPeers: rated("Good"),
        fairPeers: rated("Fair"),
        poorPeers: rated("Poor") + rated("Very Poor"),
        averageQualityScore: average(tracked.map((peer) => peer.qualityScore ?? 0)),
      },
      queueStats: { queueSize, isEmpty: queueSize === 0 },
      circuitBreakerStats: {
        totalCircuitBreakers: circuits.open + circuits["half-open"] + circuits.closed,
        openCircuits: circuits.open,
        halfOpenCircuits: circuits["half-open"],
        closedCircuits: circuits.closed,
      },
    },
  };
}

export function peerQuality(call: Call<Endpoints["peerQuality"]>): Reply<Endpoints["peerQuality"]> {
  const { limit, offset } = call.query;
  const peers = call.source.listPeers();
  peers.sort((left, right) => (right.qualityScore ?? 0) - (left.qualityScore ?? 0));
  return {
    body: peers.slice(offset, offset + limit).map(qualityOf),
    headers: { "x-total-count": String(peers.length) },
  };
}

export function peerHealth(call: Call<Endpoints["peerHealth"]>): Reply<Endpoints["peerHealth"]> {
  const { limit, offset } = call.query;
  const peers = call.source.listPeers();
  const healthy = peers.filter((peer) => isHealthy(peer, call.nowMs));
  return {
    body: {
      totalPeers: peers.length,
      healthyPeers: healthy.length,
      unhealthyPeers: peers.length - healthy.length,
      healthPercentage: peers.length === 0 ? 0 : (healthy.length / peers.length) * 100,
      peers: healthy.slice(offset, offset + limit).map((peer) => ({
        peerId: peer.peerId,
        address: peer.address,
        port: peer.port,
        lastSeen: timeOf(peer.lastSeenMs === 0 ? null : peer.lastSeenMs),
        averageLatencyMs: peer.averageLatencyMs,
      })),
    },
  };
}

export function connectedPeers(
  call: Call<Endpoints["connectedPeers"]>,
): Reply<Endpoints["connectedPeers"]> {
  const { limit, offset } = call.query;
  const connected = call.source.listPeers().filter((peer) => peer.isConnected);
  const connectedPeerCount = connected.length;
  if (call.caller.isAnonymous) return { body: { connectedPeerCount } };
  const peers = connected.slice(offset, offset + limit).map((peer) => ({
    peerId: peer.peerId,
    address: peer.address,
    port: peer.port,
    supportedProtocols: [...peer.supportedProtocols],
    lastSeen: timeOf(peer.lastSeenMs === 0 ? null : peer.lastSeenMs),
    averageLatencyMs: peer.averageLatencyMs,
    isSeedNode: peer.isSeedNode,
  }));
  return { body: { connectedPeerCount, peers } };
}

function average(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
