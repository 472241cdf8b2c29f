import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count } from "./schemas.ts";

/** It works, and should be looked at before it doesn't. */
const warning = z.object({
  code: z.string(),
  /** A notice is worth knowing and nothing is wrong; a warning makes the node degraded. */
  level: z.enum(["notice", "warning"]),
  message: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** How the node is: for probes, for people, and for those who draw curves. */
export const healthEndpoints = {
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
      warnings: z.array(warning),
    }),
  }),
  health: endpoint({
    method: "GET",
    path: "/health",
    access: "anonymous",
    isProbe: true,
    summary: "Healthy, Degraded (still 200) or Unhealthy (503)",
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
    summary: "State with what is amber and why, uptime and peers in figures",
    response: z.object({
      status: z.enum(["healthy", "degraded", "unhealthy"]),
      /** Why it is unhealthy. */
      error: z.string().optional(),
      /** Notices only unless degraded; what makes it unhealthy stands in `checks`. */
      warnings: z.array(warning),
      checks: z.record(z.string(), z.boolean()),
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
  metrics: endpoint({
    method: "GET",
    path: "/metrics",
    access: "anonymous",
    summary: "Metrics in Prometheus' text format; private registers are not named",
    response: z.string(),
    responseType: "text/plain",
  }),
};
