import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import {
  availableSchema,
  flagText,
  hashSchema,
  mode,
  paging,
  policySchema,
  registerParams,
  registerSchema,
  subscriptionSchema,
} from "./schemas.ts";

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
      origin: flagText.optional(),
      sort: z.enum(["registerId", "name", "height"]).default("registerId"),
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
      name: z.string().min(1).max(255),
      description: z.string().max(2_000).optional(),
      isPublic: z.boolean().optional(),
      readers: z.array(z.string().min(1).max(64)).max(1_000).optional(),
    }),
    response: z.object({ registerId: z.string(), genesisHash: z.string() }),
    status: 201,
  }),
  availableRegisters: endpoint({
    method: "GET",
    path: "/api/registers/available",
    access: "anonymous",
    summary: "Registers that can be subscribed to, by what peers say of themselves",
    query: z.object(paging),
    response: z.array(availableSchema),
  }),
  listSubscriptions: endpoint({
    method: "GET",
    path: "/api/registers/subscriptions",
    access: "anonymous",
    summary: "What is being replicated here and how far it is",
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
    }),
  }),
  subscribe: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/subscribe",
    access: "authenticated",
    summary: "Bring a register here and keep following it",
    takesIdempotencyKey: true,
    params: registerParams,
    body: z.strictObject({ mode, genesisHash: hashSchema.optional() }),
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
} as const;
