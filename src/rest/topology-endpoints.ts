import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count, registerIdSchema, search } from "./schemas.ts";

const topologySchema = z.object({
  /** This node. */
  nodeId: z.string(),
  nodes: z.array(
    z.object({
      nodeId: z.string(),
      address: z.string(),
      port: count,
      isSelf: z.boolean(),
      isSeed: z.boolean(),
      isConnected: z.boolean(),
      isBanned: z.boolean(),
      qualityScore: z.number(),
      /** Of them, the first are shown. */
      registerCount: count,
      registers: z.array(
        z.object({
          registerId: z.string(),
          docketNumber: count,
          /** From genesis on. */
          isWhole: z.boolean(),
          isOrigin: z.boolean(),
        }),
      ),
    }),
  ),
  links: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      latencyMs: z.number(),
      /** Registers that come to `from` over this link. */
      serves: z.array(z.string()),
    }),
  ),
  /** Who has a whole copy: how many, and the first by name. */
  registers: z.array(
    z.object({ registerId: z.string(), holderCount: count, holders: z.array(z.string()) }),
  ),
  /** Registers of which one node in sight has the only whole copy. */
  singlePoints: z.array(z.object({ registerId: z.string(), nodeId: z.string() })),
});

const eventTypes = z
  .string()
  .regex(/^[a-z*][a-z.*-]{0,63}(,[a-z*][a-z.*-]{0,63}){0,15}$/, "is no list of event types")
  .transform((text) => text.split(","))
  .optional()
  .describe("Types with commas between; register.* is all that begin so");

/** The mesh at a glance and what happens in it. */
export const topologyEndpoints = {
  topology: endpoint({
    method: "GET",
    path: "/api/topology",
    access: "anonymous",
    summary: "Nodes, links, who holds which register, and of what there is one copy only",
    response: topologySchema,
  }),
  events: endpoint({
    method: "GET",
    path: "/api/events",
    access: "anonymous",
    summary: "Server-sent events; Last-Event-ID resumes; anonymous callers get public ones",
    query: z.object({
      registerId: registerIdSchema.optional(),
      type: eventTypes,
    }),
    response: z.unknown(),
    responseType: "text/event-stream",
  }),
  pastEvents: endpoint({
    method: "GET",
    path: "/api/events/past",
    access: "authenticated",
    summary: "What the node has kept of what happened, the newest first; `next` leads further back",
    query: z.object({
      before: z.coerce
        .number()
        .int()
        .min(1)
        .max(Number.MAX_SAFE_INTEGER)
        .optional()
        .describe("Events with a lower id: `next` of the page before"),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      registerId: registerIdSchema.optional(),
      peerId: z.string().min(1).max(255).optional(),
      type: eventTypes,
      search,
    }),
    response: z.object({
      events: z.array(
        z.object({
          eventId: count,
          at: z.string(),
          type: z.string(),
          registerId: z.string().nullable(),
          peerId: z.string().nullable(),
          /** Stable, for machines: of every refusal, stall, ban and quarantine. */
          code: z.string().nullable(),
          message: z.string(),
          /** When what happened ends by itself; null: it does not. */
          expiresAt: z.string().nullable(),
          facts: z.record(z.string(), z.unknown()),
        }),
      ),
      next: count.nullable(),
    }),
  }),
} as const;

export type TopologyJson = z.infer<typeof topologySchema>;
