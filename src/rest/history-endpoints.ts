import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count } from "./schemas.ts";

const sampleSchema = z.object({
  at: z.string(),
  /** Stored a second since the sample before, from peers and from this node's own seal. */
  transactionsPerSecond: z.number(),
  docketsPerSecond: z.number(),
  bytesPerSecond: z.number(),
  /** Dockets that the registers followed here are behind, all together. */
  lagDockets: count,
  connectedPeers: count,
  /** Of connected peers, the mean of their moving averages; null without any. */
  latencyMs: z.number().nullable(),
  /** Share of one core. */
  cpuPercent: z.number(),
  memoryMb: z.number(),
});

/** The node's own figures over time. */
export const historyEndpoints = {
  history: endpoint({
    method: "GET",
    path: "/api/history",
    access: "anonymous",
    summary: "Rates, lag, latency and memory over the last hour, the oldest first",
    response: z.object({ stepSeconds: z.number(), samples: z.array(sampleSchema) }),
  }),
} as const;

export type SampleJson = z.infer<typeof sampleSchema>;
