import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import {
  count,
  docketNumberText,
  docketRowSchema,
  documentsSchema,
  flagText,
  inclusionSchema,
  registerParams,
  transactionIdSchema,
} from "./schemas.ts";

/** What goes into a register and what is in it. */
export const recordEndpoints = {
  submitTransaction: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/transactions",
    access: "service",
    summary: "Submit a record to a register held here, whoever seals it; its text is kept as it is",
    takesIdempotencyKey: true,
    params: registerParams,
    body: z.strictObject({
      data: z.unknown().refine((data) => data !== undefined, "is missing"),
      type: z.enum(["Action", "Docket", "Participant"]).optional(),
      recipients: z.array(z.string().min(1).max(255)).max(1_000).optional(),
      /** Answer only when it is sealed and stored. */
      wait: z.boolean().optional(),
    }),
    /** `Location` leads to its status until it is sealed, then to itself. */
    response: z.object({
      transactionId: z.string(),
      status: z.enum(["queued", "sealed"]),
      docketNumber: count.optional(),
    }),
    status: 202,
  }),
  importRecords: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/records",
    access: "service",
    summary:
      "Submit records, one JSON text a line; answered when all of them are sealed and stored",
    params: registerParams,
    query: z.object({
      importId: z
        .string()
        .regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 of A-Z a-z 0-9 . _ : -"),
      /** Number of the first record within its import, from 1. */
      firstLine: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(1),
    }),
    rawBody: "application/x-ndjson",
    response: z.object({ accepted: count, alreadyPresent: count, headNumber: count }),
  }),
  handInDocket: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/dockets",
    access: "service",
    summary: "Hand in a sealed docket with its transactions: verified, stored, passed on",
    takesIdempotencyKey: true,
    params: registerParams,
    body: z.strictObject({
      docket: z.union([z.string(), z.record(z.string(), z.unknown())]),
      transactions: z.array(z.union([z.string(), z.record(z.string(), z.unknown())])),
    }),
    response: z.object({
      registerId: z.string(),
      docketNumber: count,
      docketHash: z.string(),
      alreadyHeld: z.boolean(),
    }),
    status: 201,
  }),
  listDockets: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/dockets",
    access: "anonymous",
    summary: "Docket headers from a number on",
    params: registerParams,
    query: z.object({
      from: docketNumberText.optional(),
      limit: z.coerce.number().int().min(1).max(100).default(20),
    }),
    response: z.array(docketRowSchema),
  }),
  getDocket: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/dockets/{docketNumber}",
    access: "anonymous",
    summary: "One docket and its transactions, as the exact text that was sealed",
    params: registerParams.extend({ docketNumber: docketNumberText }),
    response: documentsSchema,
  }),
  getTransaction: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/transactions/{transactionId}",
    access: "anonymous",
    summary:
      "One transaction as the exact text that was sealed, with proof that its docket holds it",
    params: registerParams.extend({ transactionId: transactionIdSchema }),
    response: z.object({
      registerId: z.string(),
      transactionId: z.string(),
      docketNumber: count,
      /** Place within the docket, from 0. */
      position: count,
      version: count,
      transaction: z.string(),
      proof: inclusionSchema,
    }),
  }),
  pages: endpoint({
    method: "GET",
    path: "/api/registers/{registerId}/pages",
    access: "anonymous",
    summary:
      "Dockets with bodies as frames: 4 bytes big-endian length, then a DocketPage; length 0 ends it",
    params: registerParams,
    query: z.object({
      from: docketNumberText.default(0),
      /** Only the dockets that carry control transactions: the policy chain. */
      control: flagText.default(false),
    }),
    response: z.unknown(),
    responseType: "application/octet-stream",
  }),
} as const;
