import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import {
  count,
  paging,
  peerDetailsSchema,
  peerSchema,
  qualitySchema,
  ratingSchema,
  registerParams,
} from "./schemas.ts";

const peerParams = z.object({ peerId: z.string().min(1).max(255) });
const seenPeer = { peerId: z.string(), address: z.string(), port: count };
const banSchema = z.object({
  peerId: z.string(),
  isBanned: z.boolean(),
  bannedAt: z.string().nullable(),
  banReason: z.string().nullable(),
});

/** Whom this node knows, how they are, and what an operator does about them. */
export const peerEndpoints = {
  listPeers: endpoint({
    method: "GET",
    path: "/api/peers",
    access: "anonymous",
    summary: "Known peers, each with the first of its registers; X-Total-Count says how many match",
    query: z.object({
      ...paging,
      sort: z.enum(["peerId", "lastSeen", "latency", "quality", "failures"]).default("peerId"),
      status: z
        .enum([
          "connected",
          "disconnected",
          "healthy",
          "unhealthy",
          "banned",
          "quarantined",
          "seed",
        ])
        .optional(),
    }),
    response: z.array(peerSchema),
  }),
  peerQuality: endpoint({
    method: "GET",
    path: "/api/peers/quality",
    access: "anonymous",
    summary: "How well each peer serves, the best first",
    query: z.object(paging),
    response: z.array(qualitySchema),
  }),
  peerStats: endpoint({
    method: "GET",
    path: "/api/peers/stats",
    access: "anonymous",
    summary: "Peers, their quality, the queue and the circuits in figures",
    response: z.object({
      timestamp: z.string(),
      peerStats: z.object({
        totalPeers: count,
        healthyPeers: count,
        unhealthyPeers: count,
        connectedPeers: count,
        bannedPeers: count,
        seedNodes: count,
        averageLatencyMs: z.number(),
        totalFailures: count,
      }),
      qualityStats: z.object({
        totalTrackedPeers: count,
        excellentPeers: count,
        goodPeers: count,
        fairPeers: count,
        poorPeers: count,
        averageQualityScore: z.number(),
      }),
      queueStats: z.object({ queueSize: count, isEmpty: z.boolean() }),
      circuitBreakerStats: z.object({
        totalCircuitBreakers: count,
        openCircuits: count,
        halfOpenCircuits: count,
        closedCircuits: count,
      }),
    }),
  }),
  peerHealth: endpoint({
    method: "GET",
    path: "/api/peers/health",
    access: "anonymous",
    summary: "How many peers are well, and which",
    query: z.object(paging),
    response: z.object({
      totalPeers: count,
      healthyPeers: count,
      unhealthyPeers: count,
      /** 0–100 */
      healthPercentage: z.number(),
      peers: z.array(
        z.object({
          ...seenPeer,
          lastSeen: z.string().nullable(),
          averageLatencyMs: z.number(),
        }),
      ),
    }),
  }),
  connectedPeers: endpoint({
    method: "GET",
    path: "/api/peers/connected",
    access: "anonymous",
    summary: "How many peers have a live connection; which ones, for the authenticated",
    query: z.object(paging),
    response: z.object({
      connectedPeerCount: count,
      peers: z
        .array(
          z.object({
            ...seenPeer,
            supportedProtocols: z.array(z.string()),
            lastSeen: z.string().nullable(),
            averageLatencyMs: z.number(),
            isSeedNode: z.boolean(),
          }),
        )
        .optional(),
    }),
  }),
  getPeer: endpoint({
    method: "GET",
    path: "/api/peers/{peerId}",
    access: "anonymous",
    summary: "One peer",
    params: peerParams,
    response: peerDetailsSchema,
  }),
  whyPeer: endpoint({
    method: "GET",
    path: "/api/peers/{peerId}/why",
    access: "authenticated",
    summary: "Why a peer stands as it does: what happened, the newest first",
    params: peerParams,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(50) }),
    response: z.object({
      peerId: z.string(),
      qualityScore: z.number(),
      qualityRating: ratingSchema,
      connection: z.string(),
      circuit: z.enum(["closed", "open", "half-open"]),
      isBanned: z.boolean(),
      banReason: z.string().nullable(),
      quarantinedUntil: z.string().nullable(),
      events: z.array(
        z.object({
          at: z.string(),
          lastAt: z.string(),
          type: z.string(),
          /** Stable, for machines: of every ban, quarantine and refusal. */
          code: z.string().nullable(),
          message: z.string(),
          count,
          scoreBefore: z.number().nullable(),
          scoreAfter: z.number().nullable(),
          expiresAt: z.string().nullable(),
        }),
      ),
    }),
  }),
  addPeer: endpoint({
    method: "POST",
    path: "/api/peers",
    access: "manage-peers",
    summary: "Reach an address and keep the peer that answers there",
    takesIdempotencyKey: true,
    body: z.strictObject({
      address: z
        .string()
        .max(300)
        .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "must be HOST:PORT"),
    }),
    response: peerSchema,
    status: 201,
  }),
  removePeer: endpoint({
    method: "DELETE",
    path: "/api/peers/{peerId}",
    access: "manage-peers",
    summary: "Forget a peer with everything known of it",
    params: peerParams,
    response: z.object({ peerId: z.string(), removed: z.literal(true) }),
  }),
  connectPeer: endpoint({
    method: "POST",
    path: "/api/peers/{peerId}/connect",
    access: "manage-peers",
    summary: "Dial a peer now",
    params: peerParams,
    response: peerSchema,
  }),
  banPeer: endpoint({
    method: "POST",
    path: "/api/peers/{peerId}/ban",
    access: "manage-peers",
    summary: "Have nothing to do with a peer, in either direction, until it is unbanned",
    params: peerParams,
    body: z.strictObject({ reason: z.string().max(500).optional() }),
    isBodyOptional: true,
    response: banSchema,
  }),
  unbanPeer: endpoint({
    method: "DELETE",
    path: "/api/peers/{peerId}/ban",
    access: "manage-peers",
    summary: "Lift a ban",
    params: peerParams,
    response: banSchema,
  }),
  resetPeer: endpoint({
    method: "POST",
    path: "/api/peers/{peerId}/reset",
    access: "manage-peers",
    summary: "Forget a peer's failures and its quarantine",
    params: peerParams,
    response: z.object({
      peerId: z.string(),
      failureCount: z.literal(0),
      previousFailureCount: count,
    }),
  }),
  bulkAdvertise: endpoint({
    method: "POST",
    path: "/api/registers/bulk-advertise",
    access: "service",
    summary: "Say which registers held here are told to peers; fullSync: these and no others",
    body: z.strictObject({
      advertisements: z
        .array(
          z.strictObject({
            registerId: registerParams.shape.registerId,
            name: z.string().max(255).nullish(),
            description: z.string().max(4_096).nullish(),
            isPublic: z.boolean(),
            latestVersion: count.min(0).optional(),
            latestDocketVersion: count.min(0).optional(),
          }),
        )
        .max(10_000),
      fullSync: z.boolean().default(false),
    }),
    response: z.object({
      processed: count,
      added: count,
      updated: count,
      removed: count,
      /** Not held here: what a node doesn't have, it doesn't advertise. */
      ignored: z.array(z.string()),
    }),
  }),
  advertise: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/advertise",
    access: "service",
    summary: "Tell peers of a register held here, or stop telling",
    params: registerParams,
    body: z.strictObject({ isPublic: z.boolean() }),
    response: z.object({ registerId: z.string(), isPublic: z.boolean() }),
  }),
} as const;
