/** Of `limits`: how transactions are told on before a docket holds them. */
export const gossipLimits = {
  /** Telling, asking and getting over a long road; after it somebody else is asked or told. */
  roundMs: 500,
  /** News of this time go out together. */
  gatherMs: 5,
  /** Ids in one announcement, and rounds in which a transaction is told to some of the rest. */
  batchIds: 256,
  repairRounds: 7,
  /** Transactions being told, being asked for, and asked for on the word of one peer. */
  news: 20_000,
  wanted: 10_000,
  wantedOfPeer: 5_000,
  /**
   * Bodies under way, and those that one peer told of first: others' must find a place. Of one: how
   * many are asked at once, for how long, how many told of it.
   */
  fetches: 64,
  fetchesOfPeer: 48,
  askedAtOnce: 3,
  askRounds: 16,
  tellers: 8,
  /** Peers remembered to have a transaction; bodies of which a part came. */
  holders: 64,
  brokenStreams: 4,
  /** A road slower than this is not waited for when others can be asked. */
  slowBytesPerSecond: 2 ** 20,
  /** One call that tells, and one that asks, with as much again for each slow MiB. */
  tellTimeoutMs: 5_000,
  fetchTimeoutMs: 10_000,
} as const;
