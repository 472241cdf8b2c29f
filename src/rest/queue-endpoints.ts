import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { count, paging, registerIdSchema, transactionIdSchema } from "./schemas.ts";

const queuedParams = z.object({
  registerId: registerIdSchema,
  transactionId: transactionIdSchema,
});

/** A transaction that was submitted here and is in no docket yet. */
export const queuedSchema = z.object({
  registerId: z.string(),
  transactionId: z.string(),
  /** dead: validators had it and did not seal it, as often as the setting maxRetries says. */
  state: z.enum(["waiting", "dead"]),
  bytes: count,
  /** Failed ones. */
  attempts: count,
  nextAttemptAt: z.string().nullable(),
  lastError: z.string().nullable(),
  queuedAt: z.string(),
});

/** What waits for a docket, and what was given up. */
export const queueEndpoints = {
  transactionStatus: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/transactions/{transactionId}/status",
    access: "anonymous",
    summary: "How far a transaction is: queued, pending, dead, or sealed and in which docket",
    params: queuedParams,
    response: z.object({
      registerId: z.string(),
      transactionId: z.string(),
      /** queued: submitted here · pending: a peer's · dead: given up · sealed: in a docket. */
      status: z.enum(["queued", "pending", "dead", "sealed"]),
      docketNumber: count.optional(),
      attempts: count.optional(),
      nextAttemptAt: z.string().nullable().optional(),
      lastError: z.string().nullable().optional(),
      queuedAt: z.string().optional(),
      /** The same in words. */
      message: z.string(),
    }),
  }),
  listQueue: endpoint({
    method: "GET",
    path: "/api/queue",
    access: "service",
    summary: "Transactions submitted here that no docket holds yet; dead letters first",
    query: z.object({
      ...paging,
      state: z.enum(["waiting", "dead"]).optional(),
      registerId: registerIdSchema.optional(),
    }),
    response: z.object({ waiting: count, dead: count, transactions: z.array(queuedSchema) }),
  }),
  retryQueued: endpoint({
    method: "POST",
    path: "/api/queue/{registerId}/{transactionId}/retry",
    access: "service",
    summary: "Try a dead letter again, as often as a new transaction",
    params: queuedParams,
    response: z.object({ registerId: z.string(), transactionId: z.string() }),
    status: 202,
  }),
  dropQueued: endpoint({
    method: "DELETE",
    path: "/api/queue/{registerId}/{transactionId}",
    access: "service",
    summary: "Drop a dead letter for good",
    params: queuedParams,
    response: z.object({ registerId: z.string(), transactionId: z.string() }),
  }),
} as const;
