/**
 * The operator's interface in one place: every endpoint with its method, path, who may call it,
 * what goes in and what comes out. Server, CLI, dashboard and OpenAPI are made from it, so they
 * can't drift apart. Imports zod and nothing of ours.
 */
import { z } from "zod";

/** anonymous: public things for anyone · authenticated: any good token · service: a service's token. */
export type Access = "anonymous" | "authenticated" | "service";

export interface EndpointShape {
  method: "GET" | "POST" | "DELETE";
  /** Parameters in braces; each is described in `params`. */
  path: string;
  access: Access;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** A JSON body; unknown fields are refused. */
  body?: z.ZodType;
  /** A body that is not one JSON document, by its content type. */
  rawBody?: "application/x-ndjson";
  response: z.ZodType;
  /** Status of the usual answer; default 200. */
  status?: number;
  /** Content type of an answer that is not JSON. */
  responseType?: "application/octet-stream" | "text/plain";
}

export const registerIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,255}$/, "must be 1 to 255 of A-Z a-z 0-9 . _ : -");
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hex digits");
const count = z.number().int();
const docketNumberText = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const flagText = z.enum(["true", "false"]).transform((text) => text === "true");

const registerParams = z.object({ registerId: registerIdSchema });
const paging = {
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
  offset: z.coerce.number().int().min(0).default(0),
};

export const errorSchema = z.object({
  error: z.string(),
  code: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
});

export const peerSchema = z.object({
  peerId: z.string(),
  address: z.string(),
  port: count,
  supportedProtocols: z.array(z.string()),
  firstSeen: z.string(),
  lastSeen: z.string().nullable(),
  failureCount: count,
  isSeedNode: z.boolean(),
  isConnected: z.boolean(),
  averageLatencyMs: z.number(),
  isBanned: z.boolean(),
  bannedAt: z.string().nullable(),
  banReason: z.string().nullable(),
  qualityScore: z.number(),
  qualityRating: z.enum(["Excellent", "Good", "Fair", "Poor", "Very Poor", "Unknown"]),
  advertisedRegisterCount: count,
  advertisedRegisters: z.array(
    z.object({
      registerId: z.string(),
      syncState: z.string(),
      latestVersion: count,
      latestDocketVersion: count,
      isPublic: z.boolean(),
    }),
  ),
});
export type PeerJson = z.infer<typeof peerSchema>;

export const registerSchema = z.object({
  registerId: z.string(),
  name: z.string(),
  description: z.string(),
  isPublic: z.boolean(),
  genesisHash: z.string(),
  /** Number of dockets the register has. */
  height: count,
  /** The lowest docket held here; above 0 for a forward-only follower. */
  firstDocketNumber: count,
  headDocketNumber: count,
  headDocketHash: z.string(),
  headTime: z.string(),
  /** Version of the newest transaction: how many the register has. */
  latestVersion: count,
  /** Transactions held here, control transactions included. */
  transactionCount: count,
  bytes: count,
  verification: z.enum(["sealed", "chain"]),
  isOrigin: z.boolean(),
  /** Peers that say they hold it. */
  sourceCount: count,
  /** Dockets that the furthest peer claims to be ahead. */
  lagDockets: count,
  createdAt: z.string(),
});
export type RegisterJson = z.infer<typeof registerSchema>;

const policySchema = z.object({
  version: count,
  validators: z.array(
    z.object({ validatorId: z.string(), publicKey: z.string(), algorithm: z.string() }),
  ),
  threshold: count,
  groupPublicKey: z.string().optional(),
  isPublic: z.boolean(),
  name: z.string(),
  description: z.string(),
  readers: z.array(z.string()).optional(),
});

export const availableSchema = z.object({
  registerId: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  peerCount: count,
  latestVersion: count,
  latestDocketVersion: count,
  isPublic: z.boolean(),
  fullReplicaPeerCount: count,
  genesisHash: z.string().nullable(),
});

export const subscriptionSchema = z.object({
  registerId: z.string(),
  mode: z.enum(["ForwardOnly", "FullReplica"]),
  syncState: z.enum(["Subscribing", "Syncing", "FullyReplicated", "Active", "Error"]),
  lastSyncedDocketVersion: count.nullable(),
  lastSyncedTransactionVersion: count,
  totalDocketsInChain: count,
  syncProgressPercent: z.number(),
  canParticipateInValidation: z.boolean(),
  isReceiving: z.boolean(),
  lastSyncAt: z.string().nullable(),
  consecutiveFailures: count,
  errorMessage: z.string().nullable(),
  errorCode: z.string().nullable(),
  sourcePeerId: z.string().nullable(),
  resumedFrom: count.nullable(),
  docketsPerSecond: z.number(),
  transactionsPerSecond: z.number(),
  verification: z.enum(["sealed", "chain"]).nullable(),
});
export type SubscriptionJson = z.infer<typeof subscriptionSchema>;

const docketRowSchema = z.object({
  docketNumber: count,
  docketHash: z.string(),
  previousHash: z.string(),
  merkleRoot: z.string(),
  createdAt: z.string(),
  proposerValidatorId: z.string(),
  transactionCount: count,
  firstVersion: count,
  bytes: count,
});

/** Documents as the exact text that was sealed; a JSON reader must not re-serialise them. */
const documentsSchema = z.object({ docket: z.string(), transactions: z.array(z.string()) });

const inclusionSchema = z.object({
  leaf: z.string(),
  index: count,
  count,
  /** From the leaf up: the hash to pair with, and on which side it stands. */
  steps: z.array(z.object({ side: z.enum(["left", "right"]), hash: z.string() })),
  merkleRoot: z.string(),
  docketHash: z.string(),
});

const mode = z
  .string()
  .transform((text) => text.toLowerCase().replaceAll("-", ""))
  .pipe(z.enum(["forwardonly", "fullreplica"], 'must be "forward-only" or "full-replica"'))
  .transform((word) =>
    word === "forwardonly" ? ("ForwardOnly" as const) : ("FullReplica" as const),
  );

export const endpoints = {
  live: endpoint({
    method: "GET",
    path: "/livez",
    access: "anonymous",
    summary: "The process answers",
    response: z.string(),
    responseType: "text/plain",
  }),
  ready: endpoint({
    method: "GET",
    path: "/readyz",
    access: "anonymous",
    summary: "Database, migrations and listeners are there; 503 names what is not",
    response: z.object({
      status: z.enum(["ready", "not-ready"]),
      checks: z.record(z.string(), z.boolean()),
    }),
  }),
  health: endpoint({
    method: "GET",
    path: "/health",
    access: "anonymous",
    summary: "Healthy or Unhealthy",
    response: z.string(),
    responseType: "text/plain",
  }),
  alive: endpoint({
    method: "GET",
    path: "/alive",
    access: "anonymous",
    summary: "The process answers",
    response: z.string(),
    responseType: "text/plain",
  }),
  healthReport: endpoint({
    method: "GET",
    path: "/api/health",
    access: "anonymous",
    summary: "State, uptime and peers in figures",
    response: z.object({
      status: z.enum(["healthy", "unhealthy"]),
      service: z.literal("peer-service"),
      nodeId: z.string(),
      timestamp: z.string(),
      version: z.string(),
      /** dd.hh:mm:ss */
      uptime: z.string(),
      metrics: z.object({
        totalPeers: count,
        healthyPeers: count,
        unhealthyPeers: count,
        averageLatencyMs: z.number(),
        queueSize: count,
      }),
    }),
  }),
  listPeers: endpoint({
    method: "GET",
    path: "/api/peers",
    access: "anonymous",
    summary: "Known peers; the header X-Total-Count says how many match",
    query: z.object({
      ...paging,
      sort: z.enum(["peerId", "lastSeen", "latency", "quality", "failures"]).default("peerId"),
      status: z
        .enum(["connected", "disconnected", "healthy", "unhealthy", "banned", "seed"])
        .optional(),
    }),
    response: z.array(peerSchema),
  }),
  getPeer: endpoint({
    method: "GET",
    path: "/api/peers/{peerId}",
    access: "anonymous",
    summary: "One peer",
    params: z.object({ peerId: z.string().min(1).max(255) }),
    response: peerSchema,
  }),
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
  submitTransaction: endpoint({
    method: "POST",
    path: "/api/registers/{registerId}/transactions",
    access: "service",
    summary: "Submit a record to a register that this node seals; its text is kept as it is",
    params: registerParams,
    body: z.strictObject({
      data: z.unknown().refine((data) => data !== undefined, "is missing"),
      type: z.enum(["Action", "Docket", "Participant"]).optional(),
      recipients: z.array(z.string().min(1).max(255)).max(1_000).optional(),
      /** Answer only when it is sealed and stored. */
      wait: z.boolean().optional(),
    }),
    response: z.object({ transactionId: z.string(), docketNumber: count.optional() }),
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
    params: registerParams.extend({ transactionId: z.string().min(1).max(255) }),
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

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
export type ParamsOf<E> = E extends { params: infer S extends z.ZodType } ? z.output<S> : undefined;
export type QueryOf<E> = E extends { query: infer S extends z.ZodType } ? z.output<S> : undefined;
export type BodyOf<E> = E extends { body: infer S extends z.ZodType } ? z.output<S> : undefined;
export type ReplyOf<E> = E extends { response: infer S extends z.ZodType } ? z.output<S> : never;

function endpoint<const E extends EndpointShape>(shape: E): E {
  return shape;
}
