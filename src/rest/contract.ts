/**
 * The operator's interface in one place: every endpoint with its method, path, who may call it,
 * what goes in and what comes out. Server, CLI, dashboard and OpenAPI are made from it, so they
 * can't drift apart. They import zod and nothing of
 * ours but each other.
 */
import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { peerEndpoints } from "./peer-endpoints.ts";
import { recordEndpoints } from "./record-endpoints.ts";
import { registerEndpoints } from "./register-endpoints.ts";
import { count } from "./schemas.ts";
import { tokenEndpoints } from "./token-endpoints.ts";
import { topologyEndpoints } from "./topology-endpoints.ts";
import { upkeepEndpoints } from "./upkeep-endpoints.ts";
import { whyEndpoints } from "./why-endpoints.ts";

export const endpoints = {
  live: endpoint({
    method: "GET",
    path: "/livez",
    access: "anonymous",
    isProbe: true,
    summary: "The process answers",
    response: z.string(),
    responseType: "text/plain",
  }),
  ready: endpoint({
    method: "GET",
    path: "/readyz",
    access: "anonymous",
    isProbe: true,
    summary: "Database, migrations and listeners are there; 503 names what is not",
    response: z.object({
      status: z.enum(["ready", "not-ready"]),
      checks: z.record(z.string(), z.boolean()),
      reason: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
  }),
  health: endpoint({
    method: "GET",
    path: "/health",
    access: "anonymous",
    isProbe: true,
    summary: "Healthy or Unhealthy",
    response: z.string(),
    responseType: "text/plain",
  }),
  alive: endpoint({
    method: "GET",
    path: "/alive",
    access: "anonymous",
    isProbe: true,
    summary: "The process answers",
    response: z.string(),
    responseType: "text/plain",
  }),
  healthReport: endpoint({
    method: "GET",
    path: "/api/health",
    access: "anonymous",
    summary: "State, uptime and peers in figures",
    response: z.object({
      /** degraded: it serves, and an operator should look; `warnings` says at what. */
      status: z.enum(["healthy", "degraded", "unhealthy"]),
      warnings: z.array(z.object({ code: z.string(), message: z.string() })),
      service: z.literal("peer-service"),
      nodeId: z.string(),
      timestamp: z.string(),
      version: z.string(),
      /** dd.hh:mm:ss */
      uptime: z.string(),
      /** Times are null where there is no certificate. */
      peerSecurity: z.object({
        peerAuth: z.enum(["mtls", "token", "open"]),
        isEncrypted: z.boolean(),
        certificateExpiresAt: z.string().nullable(),
        authorityExpiresAt: z.string().nullable(),
      }),
      metrics: z.object({
        totalPeers: count,
        healthyPeers: count,
        unhealthyPeers: count,
        averageLatencyMs: z.number(),
        queueSize: count,
      }),
    }),
  }),
  ...peerEndpoints,
  ...registerEndpoints,
  ...recordEndpoints,
  ...tokenEndpoints,
  ...topologyEndpoints,
  ...upkeepEndpoints,
  ...whyEndpoints,
} as const;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
