import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count, registerIdSchema } from "./schemas.ts";

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
      type: z
        .string()
        .regex(/^[a-z*][a-z.*-]{0,63}(,[a-z*][a-z.*-]{0,63}){0,15}$/, "is no list of event types")
        .transform((text) => text.split(","))
        .optional()
        .describe("Types with commas between; register.* is all that begin so"),
    }),
    response: z.unknown(),
    responseType: "text/event-stream",
  }),
} as const;

export type TopologyJson = z.infer<typeof topologySchema>;
