import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import {
  availableSchema,
  cachedSchema,
  count,
  flagText,
  hashSchema,
  mode,
  paging,
  policySchema,
  policyText,
  readersGiven,
  registerParams,
  registerSchema,
  retentionSchema,
  search,
  sortBy,
  subscriptionSchema,
  syncStates,
  upkeepSchema,
} from "./schemas.ts";

const validatorsGiven = z
  .array(
    z.strictObject({
      validatorId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
      publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    }),
  )
  .min(1)
  .max(128);

/** Registers as such and what is followed. */
export const registerEndpoints = {
  listRegisters: endpoint({
    method: "GET",
    path: "/api/registers",
    access: "anonymous",
    summary: "Registers held here; private ones only for the authenticated",
    query: z.object({
      ...paging,
      name: z.string().optional(),
      search,
      origin: flagText.optional(),
      public: flagText.optional(),
      sort: sortBy(["registerId", "name", "height", "bytes", "headTime"]),
    }),
    response: z.array(registerSchema),
  }),
  createRegister: endpoint({
    method: "POST",
    path: "/api/registers",
    access: "service",
    summary: "Create a register that this node seals",
    takesIdempotencyKey: true,
    body: z.strictObject({
      name: policyText(255).min(1),
      description: policyText(2_000).optional(),
      isPublic: z.boolean().optional(),
      readers: readersGiven.optional(),
      /** Others that seal it together with this node. */
      validators: validatorsGiven.optional(),
      threshold: z.number().int().min(1).max(128).optional(),
    }),
    response: z.object({ registerId: z.string(), genesisHash: z.string() }),
    status: 201,
  }),
  changePolicy: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/policy",
    access: "service",
    summary:
      "Agree to a new policy; in force once as many validators agreed as the old one asks for",
    params: registerParams,
    body: z.strictObject({
      name: policyText(255).min(1).optional(),
      description: policyText(2_000).optional(),
      isPublic: z.boolean().optional(),
      readers: readersGiven.optional(),
      /** All of them, in their new order. */
      validators: validatorsGiven.optional(),
      threshold: z.number().int().min(1).max(128).optional(),
    }),
    response: z.object({
      transactionId: z.string(),
      policy: policySchema,
      docketNumber: z.number().int().optional(),
    }),
    status: 202,
  }),
  cachedRegisters: endpoint({
    method: "GET",
    path: "/api/registers/cache",
    access: "anonymous",
    summary: "What is stored here of each register, as the reference service tells it",
    query: z.object({ ...paging, search, sort: sortBy(["registerId", "latestVersion"]) }),
    response: z.array(cachedSchema),
  }),
  availableRegisters: endpoint({
    method: "GET",
    path: "/api/registers/available",
    access: "anonymous",
    summary: "Registers that can be subscribed to, by what peers say of themselves",
    query: z.object({
      ...paging,
      search,
      public: flagText.optional(),
      sort: sortBy(["registerId", "name", "peers", "latestVersion"]),
    }),
    response: z.array(availableSchema),
  }),
  listSubscriptions: endpoint({
    method: "GET",
    path: "/api/registers/subscriptions",
    access: "anonymous",
    summary: "What is being replicated here and how far it is",
    query: z.object({
      ...paging,
      status: z.enum(syncStates).optional(),
      mode: mode.optional(),
      sort: sortBy(["registerId", "progress", "lastSync", "failures"]),
    }),
    response: z.array(subscriptionSchema),
  }),
  getRegister: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}",
    access: "anonymous",
    summary: "One register, its policy and its subscription",
    params: registerParams,
    response: registerSchema.extend({
      policy: policySchema,
      subscription: subscriptionSchema.nullable(),
      upkeep: upkeepSchema,
    }),
  }),
  subscribe: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/subscribe",
    access: "authenticated",
    summary: "Bring a register here and keep following it",
    takesIdempotencyKey: true,
    params: registerParams,
    body: z.strictObject({
      mode,
      genesisHash: hashSchema.optional(),
      retention: retentionSchema.optional(),
    }),
    response: subscriptionSchema,
    status: 201,
  }),
  unsubscribe: endpoint({
    method: "DELETE",
    path: "/api/registers/{registerId}/subscribe",
    access: "authenticated",
    summary: "Stop following; purge=true removes what was stored as well",
    params: registerParams,
    query: z.object({ purge: flagText.default(false) }),
    response: z.object({
      registerId: z.string(),
      unsubscribed: z.literal(true),
      cacheRetained: z.boolean(),
    }),
  }),
  purgeCache: endpoint({
    method: "DELETE",
    path: "/api/registers/{registerId}/cache",
    access: "authenticated",
    summary: "Remove what is stored; a subscription stays and begins anew",
    params: registerParams,
    response: z.object({
      registerId: z.string(),
      purged: z.literal(true),
      transactionsRemoved: count,
      docketsRemoved: count,
    }),
  }),
  pauseRegister: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/pause",
    access: "authenticated",
    summary: "Neither fetch nor serve a followed register until it is resumed",
    params: registerParams,
    response: subscriptionSchema,
  }),
  resumeRegister: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/resume",
    access: "authenticated",
    summary: "Go on with a paused register where it stopped",
    params: registerParams,
    response: subscriptionSchema,
  }),
} as const;
