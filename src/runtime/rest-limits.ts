const KiB = 1024;
const MiB = 1024 * KiB;

/** Of `limits`: what operators and strangers may ask of REST, and what is kept for them. */
export const restLimits = {
  /** A REST request body: the largest transaction, with room for its escapes and wrapping. */
  requestBodyBytes: 24 * MiB,
  /** Tokens that were revoked before their time; more of them are one leaked key. */
  revokedTokens: 10_000,
  /** The longest that a token may live, and how long clocks may disagree that it has ended. */
  tokenLifetimeMs: 366 * 86_400_000,
  tokenGraceMs: 3_600_000,
  /** Callers of REST whose rates are remembered, and answers kept for repeated requests. */
  rateBuckets: 20_000,
  idempotencyKeys: 10_000,
  idempotencyMs: 86_400_000,
  /** Characters of an answer that is kept; a longer one is made again, of what is there. */
  idempotencyAnswerLength: 8 * KiB,
  /**
   * Registers shown of each peer where peers are listed, entries of that kind in one topology, and
   * holders named of a register there: 1,000 peers with 1,000 registers each are 100 MB otherwise.
   */
  listedAdverts: 20,
  topologyAdverts: 20_000,
  namedHolders: 20,
  /** How long a list that is made of all adverts is good for. */
  availableMs: 1_000,
  /** News kept for readers that come back, and readers of it at once. */
  keptNews: 1_000,
  eventStreams: 1_000,
  /** How often the store is looked at for news, what a quiet stream waits, when readers return. */
  eventLookMs: 1_000,
  quietStreamMs: 15_000,
  eventRetryMs: 2_000,
  /** Figures kept for the dashboard: an hour in steps of ten seconds. */
  historyStepMs: 10_000,
  historySamples: 361,
  /** A REST request's body must be here within this. */
  requestBodyMs: 60_000,
} as const;
