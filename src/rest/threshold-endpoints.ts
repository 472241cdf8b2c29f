import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { registerParams } from "./schemas.ts";

const thresholdSchema = z.object({
  registerId: z.string(),
  mode: z.enum(["single", "votes", "threshold"]),
  threshold: z.number().int(),
  groupPublicKey: z.string().nullable(),
  /** Of the key in force; null where this node has no share of it. */
  epoch: z.number().int().nullable(),
  validators: z.array(
    z.object({
      validatorId: z.string(),
      publicKey: z.string(),
      /** Null: not known here. */
      holdsShare: z.boolean().nullable(),
    }),
  ),
  /** Of a whole key that no sealed policy names yet. */
  awaitingEpoch: z.number().int().nullable(),
  /** The one that runs at this node, or the last that did since its start. */
  session: z
    .object({
      epoch: z.number().int(),
      kind: z.enum(["init", "reshare"]),
      role: z.enum(["proposer", "member"]),
      state: z.enum(["running", "sealing", "finished", "waiting", "failed"]),
      phase: z.string(),
      threshold: z.number().int(),
      members: z.array(z.string()),
      awaited: z.array(z.string()),
      faults: z.array(z.object({ validatorId: z.string(), code: z.string() })),
      code: z.string().nullable(),
      message: z.string().nullable(),
    })
    .nullable(),
});
export type ThresholdJson = z.infer<typeof thresholdSchema>;

const wantedGroup = z.strictObject({
  threshold: z.number().int().min(1).max(32),
  /** In the order of their shares; the key may be left out where this node knows the peer. */
  validators: z
    .array(
      z.strictObject({
        validatorId: z.string().regex(/^[A-Za-z0-9._:-]{1,255}$/),
        publicKey: z
          .string()
          .regex(/^[A-Za-z0-9_-]{43}$/)
          .optional(),
      }),
    )
    .min(1)
    .max(32),
});

/** Keys of groups: registers that several validators seal with one signature. */
export const thresholdEndpoints = {
  thresholdState: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/threshold",
    access: "anonymous",
    summary: "Who seals a register, its group's key, and how the making of one gets on",
    params: registerParams,
    response: thresholdSchema,
  }),
  initThreshold: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/threshold",
    access: "service",
    summary: "Have validators make a group key for a register, without a dealer",
    params: registerParams,
    body: wantedGroup,
    response: thresholdSchema,
    status: 202,
  }),
  reshareThreshold: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/threshold/reshare",
    access: "service",
    summary: "Hand a group's key on to other validators, or under another threshold",
    params: registerParams,
    body: wantedGroup,
    response: thresholdSchema,
    status: 202,
  }),
} as const;
