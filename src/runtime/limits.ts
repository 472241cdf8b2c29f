import { assert } from "../base/assert.ts";

/**
 * Every bound of the program, with its reason. A number that limits something and does not stand
 * here or in `config.ts` is a defect.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** One gRPC message, both ways, client and server: the reference service's number. */
  messageBytes: 16 * MiB,
  /** A frame of dockets is closed once it has this much: small messages are dear, big ones jerky. */
  frameBytes: 1 * MiB,
  /** One sealed docket with all its bodies: must fit in a message with room for its framing. */
  docketBytes: 15 * MiB,
  /** One transaction document: the reference service's number. */
  transactionBytes: 10 * MiB,
  /** Transactions a docket: what a verifier must be ready to hold for one docket. */
  docketTransactions: 100_000,
  /** Dockets a frame: bounds the bookkeeping of tiny dockets. */
  frameDockets: 1_000,
  /** Ids in one PullDocketTransactions request. */
  pullTransactionIds: 10_000,
  /** Peers handed out in one exchange, and in one list. */
  exchangePeers: 50,
  listPeers: 100,
  /** Peers in the address book. */
  peers: 1_000,
  /** Registers one peer may advertise to us: junk beyond that is cut. */
  advertsPerPeer: 1_000,
  /** Subscriptions of one node. */
  subscriptions: 1_000,
  /** Verified pages waiting for the database, and frames waiting for a thread, a register. */
  pagesInFlight: 4,
  /** Events a feed reader may be behind before it is dropped and re-reads the table. */
  feedBacklog: 256,
  /** And the bytes of dockets that those events keep in memory. */
  feedBacklogBytes: 32 * MiB,
  /** Streams that one peer may have open at this node. */
  streamsPerPeer: 256,
  /** Transactions accepted and not yet sealed, a node. */
  queuedTransactions: 10_000,
  /** A REST request body: the largest transaction, with room for its escapes and wrapping. */
  requestBodyBytes: 24 * MiB,
  /** How far a docket's time may lie ahead of our clock. */
  clockAheadMs: 5 * 60_000,
  /** Draining at shutdown; after that what is left is cut. */
  stopMs: 10_000,
} as const;

assert(limits.frameBytes < limits.messageBytes, "a full frame fits in a message");
assert(
  limits.docketBytes + 64 * KiB <= limits.messageBytes,
  "the largest docket fits in a message",
);
assert(limits.transactionBytes < limits.docketBytes, "the largest transaction fits in a docket");
assert(limits.exchangePeers <= limits.listPeers, "an exchange is no longer than a list");
