/** What goes over the operator's interface, in zod: shared by the endpoints of the contract. */
import { z } from "zod";

export const registerIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,255}$/, "must be 1 to 255 of A-Z a-z 0-9 . _ : -");
export const transactionIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,255}$/, "must be 1 to 255 of A-Z a-z 0-9 . _ : -");
/** What a register calls itself and tells of itself. */
export function policyText(lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be text without U+0000");
}
export const readersGiven = z
  .array(z.string().regex(/^[A-Za-z0-9._:-]{1,255}$/, "must be a node's id"))
  .max(1_000);
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hex digits");
export const count = z.number().int();
export const docketNumberText = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const flagText = z.enum(["true", "false"]).transform((text) => text === "true");

export const registerParams = z.object({ registerId: registerIdSchema });
export const paging = {
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
  offset: z.coerce.number().int().min(0).default(0),
};

/** An order to choose; a leading minus turns it round. */
export function sortBy<const Names extends readonly [string, ...string[]]>(
  names: Names,
): z.ZodDefault<z.ZodType<Names[number] | `-${Names[number]}`>> {
  const turned = names.map((name) => `-${name}` as const);
  const orders: z.ZodType<string> = z.enum([...names, ...turned]);
  return orders.default(names[0]) as ReturnType<typeof sortBy<Names>>;
}

/** Part of an id or a name, whatever the case. */
export const search = z.string().min(1).max(255).optional();

export const errorSchema = z.object({
  error: z.string(),
  code: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
});

export const ratingSchema = z.enum(["Excellent", "Good", "Fair", "Poor", "Very Poor", "Unknown"]);

const quality = {
  averageLatencyMs: z.number(),
  minLatencyMs: z.number(),
  maxLatencyMs: z.number(),
  /** 0–1 */
  successRate: z.number(),
  totalRequests: count,
  successfulRequests: count,
  failedRequests: count,
  lastUpdated: z.string(),
};

export const qualitySchema = z.object({
  peerId: z.string(),
  ...quality,
  qualityScore: z.number(),
  qualityRating: ratingSchema,
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
  qualityRating: ratingSchema,
  /** Set while it is left alone for something false that it served. */
  quarantinedUntil: z.string().nullable(),
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

export const peerDetailsSchema = peerSchema.extend({
  connection: z.enum(["known", "connecting", "connected", "disconnected"]),
  circuit: z.enum(["closed", "open", "half-open"]),
  quarantineReason: z.string().nullable(),
  qualityDetails: z.object(quality).nullable(),
  /** As it said with its last heartbeat. */
  health: z
    .object({
      activeConnections: count,
      cpuUsagePercent: z.number(),
      memoryUsageMb: z.number(),
      diskUsagePercent: z.number(),
      registerCount: count,
      pendingSyncs: count,
      isSyncing: z.boolean(),
      uptimeSeconds: count,
    })
    .nullable(),
});

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
  /** Peers are told of it: all of them of a public one, its readers of a private one. */
  isAdvertised: z.boolean(),
  /** Peers that say they hold it. */
  sourceCount: count,
  /** Dockets that the furthest peer claims to be ahead. */
  lagDockets: count,
  /** Since when its subscription is paused; null: it is not. */
  pausedAt: z.string().nullable(),
  createdAt: z.string(),
});

export const policySchema = z.object({
  version: count,
  validators: z.array(
    z.object({ validatorId: z.string(), publicKey: z.string(), algorithm: z.string() }),
  ),
  threshold: count,
  groupPublicKey: z.string().optional(),
  groupShares: z.string().optional(),
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

export const cachedSchema = z.object({
  registerId: z.string(),
  transactionCount: count,
  docketCount: count,
  latestTransactionVersion: count,
  latestDocketVersion: count,
  /** When the newest docket was sealed. */
  lastUpdateTime: z.string(),
});

export const syncStates = ["Subscribing", "Syncing", "FullyReplicated", "Active", "Error"] as const;

/**
 * What a forward-only subscription keeps of the past; what breaks either bound goes. Left out: what
 * the node's settings say; empty: it keeps everything.
 */
export const retentionSchema = z.strictObject({
  keepDockets: count.min(1).max(1_000_000_000_000).optional(),
  keepDays: count.min(1).max(36_500).optional(),
});

export const subscriptionSchema = z.object({
  registerId: z.string(),
  mode: z.enum(["ForwardOnly", "FullReplica"]),
  syncState: z.enum(syncStates),
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
  /** What the speed hangs on; null when everything is here, and while it is paused. */
  limitingStage: z.enum(["source", "budget", "verify", "commit"]).nullable(),
  /** Since when an operator lets it rest: neither fetched nor served; null while it runs. */
  pausedAt: z.string().nullable(),
  /** Of the past; null: everything is kept. */
  retention: z.object({ keepDockets: count.nullable(), keepDays: count.nullable() }).nullable(),
});

export const upkeepSchema = z.object({
  registerId: z.string(),
  /** What runs, or ran last since the node started. */
  work: z.enum(["audit", "repair"]).nullable(),
  state: z.enum(["never", "running", "finished", "failed"]),
  startedAt: z.string().nullable(),
  docketsDone: count,
  docketsTotal: count,
  transactionsDone: count,
  repairedDockets: count,
  /** Damaged ones that nobody gave. */
  lostDockets: count,
  message: z.string().nullable(),
  lastAudit: z
    .object({
      finishedAt: z.string(),
      tookMs: count,
      dockets: count,
      transactions: count,
      isWhole: z.boolean(),
      unjudgedFrom: count.nullable(),
    })
    .nullable(),
  damageCount: count,
  damage: z.array(
    z.object({
      part: z.enum(["bundle", "columns", "index", "register"]),
      firstNumber: count,
      lastNumber: count,
      code: z.string(),
      message: z.string(),
    }),
  ),
});

export const docketRowSchema = z.object({
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
export const documentsSchema = z.object({ docket: z.string(), transactions: z.array(z.string()) });

export const inclusionSchema = z.object({
  leaf: z.string(),
  index: count,
  count,
  /** From the leaf up: the hash to pair with, and on which side it stands. */
  steps: z.array(z.object({ side: z.enum(["left", "right"]), hash: z.string() })),
  merkleRoot: z.string(),
  docketHash: z.string(),
});

/** Hyphens and case do not matter. */
export const mode = z
  .string()
  .transform((text) => text.toLowerCase().replaceAll("-", ""))
  .pipe(z.enum(["forwardonly", "fullreplica"], 'must be "forward-only" or "full-replica"'))
  .transform((word) =>
    word === "forwardonly" ? ("ForwardOnly" as const) : ("FullReplica" as const),
  );

export type PeerJson = z.infer<typeof peerSchema>;
export type PeerDetailsJson = z.infer<typeof peerDetailsSchema>;
export type QualityJson = z.infer<typeof qualitySchema>;
export type RegisterJson = z.infer<typeof registerSchema>;
export type UpkeepJson = z.infer<typeof upkeepSchema>;
export type SubscriptionJson = z.infer<typeof subscriptionSchema>;
