import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count, registerParams, subscriptionSchema } from "./schemas.ts";

/** Why a register stands as it does, and what is known against its validators. */
export const whyEndpoints = {
  whyRegister: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/why",
    access: "authenticated",
    summary: "Why a register stands as it does: what happened, the newest first",
    params: registerParams,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(50) }),
    response: z.object({
      registerId: z.string(),
      subscription: subscriptionSchema.nullable(),
      events: z.array(
        z.object({
          at: z.string(),
          type: z.string(),
          peerId: z.string().nullable(),
          /** Stable, for machines: of every refusal, stall and stop. */
          code: z.string().nullable(),
          message: z.string(),
          /** Until when a source is left alone for it; null: it has no end of its own. */
          expiresAt: z.string().nullable(),
          facts: z.record(z.string(), z.unknown()),
        }),
      ),
    }),
  }),
  listEvidence: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/evidence",
    access: "anonymous",
    summary: "Sealed dockets that contradict each other, each with its portable proof",
    params: registerParams,
    response: z.array(
      z.object({
        docketNumber: count,
        docketHashes: z.array(z.string()),
        sourcePeerId: z.string().nullable(),
        foundAt: z.string(),
        /** A JSON document; the command `evidence verify` reads it. */
        proof: z.string(),
      }),
    ),
  }),
};
