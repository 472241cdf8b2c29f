import { assert } from "../base/assert.ts";
import { gossipLimits } from "./gossip-limits.ts";
import { restLimits } from "./rest-limits.ts";

/**
 * Every bound of the program, with its reason. A number that limits something and does not stand
 * here or in `config.ts` is a defect.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** One gRPC message, both ways, client and server: the reference service's number. */
  messageBytes: 16 * MiB,
  /**
   * A frame of dockets is closed once it has this much: small messages are dear, big ones jerky.
   */
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
  /**
   * Of them, those that we know by hearsay only, and those that we reached ourselves: buckets, and
   * how many of these the peers of one network group can get into. A group fills a quarter at most.
   */
  newBuckets: { bucketCount: 128, bucketSize: 8, reach: 32 },
  triedBuckets: { bucketCount: 64, bucketSize: 16, reach: 16 },
  /** How far the number of our own record may run ahead of the clock: one that was once wrong. */
  recordAheadMs: 10 * 366 * 86_400_000,
  /** Good peers of the last run that are dialled before all others. */
  anchors: 8,
  /** Hearsay that never answered is forgotten after this many dials, others after this time. */
  hearsayDials: 5,
  forgetPeerMs: 3 * 86_400_000,
  /** Calls in a row without an answer until a peer is left alone, and for how long. */
  circuitFailures: 5,
  circuitRestMs: 30_000,
  /** A channel that nobody used for this long is closed. */
  idleChannelMs: 15 * 60_000,
  /** Between two entries in a peer's journal that another key claims its name. */
  conflictNewsMs: 10 * 60_000,
  /** An advert that was not heard again for this long no longer counts. */
  advertMs: 5 * 60_000,
  /** What happened to a peer, kept in memory, and events of all kinds, kept in the store. */
  journalEntries: 50,
  storedEvents: 10_000,
  /** Of them, those that come by the thousand and must not drive out a ban. And the oldest kept. */
  storedMinorEvents: 5_000,
  eventAgeMs: 90 * 86_400_000,
  /** First quarantine for something false; each further one lasts twice as long, up to a bound. */
  quarantineMs: 10 * 60_000,
  quarantineLongestMs: 6 * 3_600_000,
  /** Connections that peers have open here, and of one host: the rest must find room to call. */
  inboundConnections: 512,
  inboundPerHost: 256,
  /**
   * Connections at the listener, with those on which nobody asks anything: twice as many, so that
   * whoever has too many is told so by a refusal. And how soon the first call must be there.
   */
  openConnections: 1_024,
  openPerHost: 512,
  silentConnectionMs: 10_000,
  /** Heartbeats and hellos of one host: a machine full of nodes that all start at once. */
  heartbeats: { perSecond: 50, burst: 500 },
  hellos: { perSecond: 20, burst: 200 },
  /** A conversation of heartbeats in which nothing is said ends after this. */
  quietHeartbeatMs: 120_000,
  /** Registers one peer may advertise to us: junk beyond that is cut. */
  advertsPerPeer: 1_000,
  /** Peers stored in one statement: with the longest records some 5 MB, a tenth of a second. */
  peersSavedAtOnce: 32,
  /** Subscriptions of one node. */
  subscriptions: 1_000,
  /** Verified pages waiting for the database, and frames waiting for a thread, a register. */
  pagesInFlight: 4,
  /**
   * Checked pages that wait go into one transaction up to this: a commit costs the same whatever it
   * holds, and what was fetched and is not committed is fetched again after a crash.
   */
  commitBytes: 4 * MiB,
  /** Pages of a catch-up from many sources that wait for their turn, a register. */
  catchUpBytes: 32 * MiB,
  /** The same while the store is slow: twice what it takes at once, and a range to come. */
  storeAheadBytes: 12 * MiB,
  /** What a source gives for one question of a catch-up; three keep a long road full. */
  rangeBytes: 8 * MiB,
  questionsPerSource: 3,
  /**
   * What a peer may send before we read it (HTTP/2). About half of it comes in a round trip, so
   * that this gives 84 MB/s at 100 ms; and what is not read is held, so it is no more than that.
   */
  windowBytes: 16 * MiB,
  /** Heads that peers show, kept for the moment in which their dockets come by themselves. */
  heardHeadBytes: 1 * MiB,
  /**
   * A page up to this is checked on the spot, as waking a thread takes longer than the check, and
   * goes to PostgreSQL in one statement, as parameters are quicker than COPY so far.
   */
  smallPageBytes: 32 * KiB,
  /** Documents handled between two collections: they leave several times that behind. */
  collectEveryBytes: 8 * MiB,
  /**
   * Pages of all registers between wire and store: a thousand that come at once, or a database that
   * stands still, must not take the memory of the machine.
   */
  inFlightBytes: 64 * MiB,
  /** A run of replication that is still behind after this starts again: the reference's number. */
  runMs: 30 * 60_000,
  /** Documents of evidence kept a register: one contradiction says enough. */
  evidencePerRegister: 64,
  /** Damaged runs of dockets that an audit lists: behind that many it is the disk, not a docket. */
  damagedRuns: 1_000,
  /** Audits and repairs at once: each reads as fast as the disk gives. */
  upkeepJobs: 4,
  /**
   * How often followers look what they need not keep, and after how much the embedded database is
   * told to use the place again: it can do nothing else meanwhile.
   */
  pruneLookMs: 10_000,
  pruneVacuumDockets: 1_000,
  /** News a feed reader may be behind before it is dropped and reads the table. */
  feedBacklog: 256,
  /** Dockets and transactions a register in the hot cache: the reference service's numbers. */
  hotDockets: 10_000,
  hotTransactions: 100_000,
  /** Frames of live dockets that all their followers share while they are sent. */
  sharedFrameBytes: 8 * MiB,
  /** What is written to a stream before its reader took it; one more message may wait beside it. */
  sentAheadBytes: 2 * MiB,
  /** What a reader that stands still may cost, where no docket is larger than a frame. */
  stalledReaderBytes: 4_000_000,
  /** Calls that one connection may have open here: a stream a register, and room for the rest. */
  streamsPerPeer: 1_280,
  /** How often it is looked at whether what let a stream in, or a connection out, still holds. */
  trustCheckMs: 2_000,
  /** Transactions accepted and not yet sealed, a node, and their bytes. */
  queuedTransactions: 10_000,
  queuedBytes: 128 * MiB,
  /** Transactions that peers told of and no docket holds: how many, their bytes, the oldest. */
  pendingTransactions: 10_000,
  pendingBytes: 64 * MiB,
  pendingMs: 3_600_000,
  /** Transactions lately dealt with, so that they are not asked for again. */
  seenTransactions: 100_000,
  seenMs: 3_600_000,
  /** A body is streamed in chunks of this size where it is larger than that: the reference's. */
  transactionChunkBytes: 64 * KiB,
  streamedTransactionBytes: 1 * MiB,
  /** Messages of transactions that are larger than this are compressed, where both sides can. */
  compressedBytes: 1 * KiB,
  gossip: gossipLimits,
  /**
   * An own transaction that others are to seal is told again after the first, at last after the
   * second time; when peers have had it for the third and no docket has, that was an attempt. So
   * many of a register are told at once: less than the quarter of its pool that a peer gives to one
   * signer.
   */
  delivery: {
    tellAgainMs: 2_000,
    tellAgainMostMs: 30_000,
    patienceMs: 120_000,
    atOnce: 2_000,
    bytesAtOnce: 12 * MiB,
  },
  /** Bytes of them that a validator keeps for a register it seals with others. */
  poolBytes: 64 * MiB,
  /**
   * Messages of validators that wait for their turn, a register; and what comes in parts, all
   * together: a docket of full size, four times.
   */
  sealingInbox: 1_024,
  sealingPartsBytes: 64 * MiB,
  /** How long the validators of a new register may take to agree to it. */
  foundingMs: 30_000,
  /** One message from peer to peer, and how many a peer may send: a round of votes is a handful. */
  peerMessageBytes: 1 * MiB,
  peerMessages: { perSecond: 200, burst: 2_000 },
  /** Announcements of transactions that a host may send: each holds up to a batch of ids. */
  announcements: { perSecond: 500, burst: 5_000 },
  /** Longest wait for a peer to take a message: longer than a round of votes is too late. */
  peerMessageMs: 10_000,
  /** Validators that make a key together: each checks what each has dealt, in a second or two. */
  groupMembers: 32,
  /** Longest wait for a phase of that, for shares still under way, and for who proposed it. */
  keyPhaseMs: 10_000,
  keyShareMs: 3_000,
  keySessionMs: 60_000,
  /** Sessions in which a node takes part at once, and messages that wait for one peer of each. */
  keySessions: 16,
  /** Shares kept of sessions whose end is not known: a policy may still name them. */
  keySessionsPending: 64,
  keyMessages: 64,
  /** How old a proposal may be: one that is taken out of an old session begins nothing. */
  keyProposalMs: 2 * 60_000,
  /**
   * Lines that peers keep open here: how many; messages and bytes that wait on one, a docket of
   * full size in parts; bytes on all. And on our own lines: how old a message may be and how far
   * clocks may differ, and how many of one sender are told from those that come again.
   */
  lines: {
    count: 512,
    messages: 256,
    bytes: 16 * MiB,
    bytesOfAll: 64 * MiB,
    freshMs: 2 * 60_000,
    sequences: 1_024,
  },
  /** Messages that a relay passes on, of one sender and of one host. */
  relayed: { perSecond: 100, burst: 1_000 },
  ...restLimits,
  /** How far a docket's time may lie ahead of our clock. */
  clockAheadMs: 5 * 60_000,
  /**
   * How often a well database is looked at, how long an answer may take, how soon a health probe is
   * told, how often an ailing one is tried, and when connections without an answer count as dead.
   */
  databaseLookMs: 5_000,
  databaseSilenceMs: 5_000,
  databaseCheckMs: 2_000,
  databaseProbeMs: 1_000,
  databaseDeadMs: 60_000,
  /** Values of one metric's label, where they may come from strangers; the rest is `other`. */
  labelValues: 64,
  /** Registers that have metrics of their own, the first subscribed first; totals count all. */
  registerSeries: 100,
  /** Spans that wait for the collector; what comes on top is dropped. And how often they go. */
  spansWaiting: 2_048,
  spansEveryMs: 2_000,
  /** One request to the collector, the last ones at a stop, and between two words of warning. */
  otlpMs: 5_000,
  otlpLastMs: 2_000,
  otlpWarningMs: 60_000,
  /** How often the node looks at how it is, for its health. */
  healthLookMs: 5_000,
  /** A database that takes longer for the least of questions, as the median of the last looks. */
  slowDatabaseMs: 250,
  /** A disk that is fuller than this will be full before somebody has looked. */
  fullDiskPercent: 90,
  /** A certificate that ends sooner: time enough to make another one in working hours. */
  certificateMs: 14 * 86_400_000,
  /** How far our clock may be from the middle of our peers'; dockets tolerate ten times as much. */
  clockOffMs: 30_000,
  /** A stall of the event loop that others notice as silence. */
  loopStallMs: 1_000,
  /** Draining at shutdown; after that what is left is cut. */
  stopMs: 10_000,
} as const;

assert(
  limits.catchUpBytes <= limits.inFlightBytes,
  "a catch-up alone may hold its bytes within the node's",
);
assert(
  limits.questionsPerSource * limits.rangeBytes <= limits.catchUpBytes,
  "one source alone can be asked as much as it may",
);
assert(limits.frameBytes < limits.messageBytes, "a full frame fits in a message");
assert(
  limits.docketBytes + 64 * KiB <= limits.messageBytes,
  "the largest docket fits in a message",
);
assert(limits.transactionBytes < limits.docketBytes, "the largest transaction fits in a docket");
assert(limits.exchangePeers <= limits.listPeers, "an exchange is no longer than a list");
assert(
  limits.sentAheadBytes + limits.frameBytes <= limits.stalledReaderBytes,
  "a reader that stands still costs what it may",
);
assert(
  limits.subscriptions < limits.streamsPerPeer,
  "a peer can follow all that it may subscribe to from one source",
);
assert(
  limits.delivery.atOnce <= limits.pendingTransactions / 4 &&
    limits.delivery.bytesAtOnce <= limits.pendingBytes / 4,
  "a peer's pool takes what is told of one register at once",
);
