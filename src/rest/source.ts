import type { Head, Outcome, Policy } from "../dockets/types.ts";
import type { RegisterRow } from "../registers/registers-table.ts";
import type { Amber } from "../replication/ambers.ts";
import type { LimitingStage } from "../replication/stages.ts";
import type { UpkeepStatus } from "../replication/upkeep.ts";
import type { SettingView } from "../runtime/config.ts";
import type { QueuedRow } from "../sealing/queued-table.ts";
import type { NamedValidator } from "../sealing/threshold/invitation.ts";
import type { ThresholdView } from "../sealing/threshold/threshold-view.ts";
import type { TrustStatus } from "../trust/trust.ts";
import type { AnswerBook } from "./idempotency.ts";
import type { PeerDesk, PeerView } from "./peer-desk.ts";

/**
 * What REST asks of the rest of the node: plain functions, handed to `app.open` by `node.ts`, so
 * that handlers know no singleton and tests can bring their own answers. All may throw `PeerError`.
 */
export interface RestSource {
  readonly nodeId: string;
  readonly version: string;
  readonly grpcAddress: string;
  /** One entry a thing that must work before this node is of use, by name. */
  checks(): Promise<Record<string, boolean>>;
  /** Why the database is not there, once `checks` has found so. */
  storeTrouble(): { code: string; message: string } | null;
  /** What works and should be looked at. Names no register. */
  ambers(): readonly Amber[];
  /** In Prometheus' text format. */
  metricsText(): Promise<string>;
  /** How peers prove who they are here, and when what this node shows them ends. */
  trustStatus(): TrustStatus;
  /** How this process is doing: share of one core since the last call, resident memory. */
  vitals(): { cpuPercent: number; memoryMb: number };
  /** What is in force, secrets masked. */
  listSettings(): SettingView[];
  /** Transactions accepted and not yet sealed or passed on. */
  queueSize(): number;
  readonly queueDesk: QueueDesk;

  /** Answers to requests with an `Idempotency-Key`. */
  readonly answers: AnswerBook;

  listPeers(): PeerView[];
  getPeer(peerId: string): PeerView | null;
  readonly peerDesk: PeerDesk;
  availableRegisters(): AvailableView[];

  listRegisters(): HeldRegister[];
  getRegister(registerId: string): HeldRegister | null;
  /** Stored dockets from `next` on, ascending, within the bounds; the first comes in any case. */
  readBundles(request: {
    registerId: string;
    next: number;
    countMax: number;
    bytesMax: number;
    controlOnly?: boolean;
  }): Promise<StoredBundle[]>;
  findTransaction(request: {
    registerId: string;
    transactionId: string;
  }): Promise<{ docketNumber: number; position: number; version: number; data: Uint8Array } | null>;

  listSubscriptions(): SubscriptionView[];
  subscribe(request: {
    registerId: string;
    mode: "ForwardOnly" | "FullReplica";
    genesisHash?: string;
    retention?: { keepDockets?: number; keepDays?: number };
  }): Promise<SubscriptionView>;
  unsubscribe(registerId: string, options: { purge: boolean }): Promise<void>;
  /** What is stored goes; a subscription begins anew. Throws `unknown-register`, `own-register`. */
  purge(registerId: string): Promise<void>;
  /** Until `resume`, over restarts: neither fetched nor served. Paused already: no change. */
  pause(registerId: string): Promise<SubscriptionView>;
  resume(registerId: string): Promise<SubscriptionView>;

  createRegister(request: {
    name: string;
    description?: string;
    isPublic?: boolean;
    readers?: string[];
    validators?: { validatorId: string; publicKey: string }[];
    threshold?: number;
    /** Given: the register of that id, if it was made before. */
    registerId?: string;
  }): Promise<{ registerId: string; genesisHash: string }>;
  /** With the docket's number where this node alone decides. */
  changePolicy(change: {
    registerId: string;
    validators?: { validatorId: string; publicKey: string }[];
    threshold?: number;
    isPublic?: boolean;
    name?: string;
    description?: string;
    readers?: string[];
  }): Promise<{ transactionId: string; policy: Policy; docketNumber?: number }>;
  submit(request: {
    registerId: string;
    dataText: string;
    type?: string;
    recipients?: string[];
    wait?: boolean;
    /** Given: the transaction that was made with it before, if there is one. */
    nonce?: string;
  }): Promise<{ transactionId: string; docketNumber?: number }>;
  /** Resolves when every line is sealed and stored. `firstLine` counts from 1. */
  importRecords(request: {
    registerId: string;
    importId: string;
    firstLine: number;
    lines: string[];
  }): Promise<{ accepted: number; alreadyPresent: number; headNumber: number }>;
  /** Heads as they are committed, until the signal aborts or this reader falls behind. */
  followHeads(signal: AbortSignal): AsyncIterable<HeadNews> & { readonly lagged: boolean };
  /**
   * The newest `countMax` noted events with an id above `after` and below `before` that fit, oldest
   * first. Of `types`, `peer.*` is all that begin so; `search` stands somewhere in the text.
   */
  readEvents(wanted: {
    after?: number;
    before?: number;
    countMax: number;
    registerId?: string;
    peerId?: string;
    types?: readonly string[];
    search?: string;
  }): Promise<NotedEvent[]>;
  /** Sealed dockets of a register that contradict each other, with a portable proof. */
  listEvidence(registerId: string): Promise<EvidenceView[]>;

  readonly groups: GroupDesk;

  upkeepOf(registerId: string): UpkeepView;
  beginUpkeep(registerId: string, work: "audit" | "repair"): Promise<UpkeepView>;

  /** The token counts no longer; kept until it would have expired. Durable once resolved. */
  revokeToken(tokenId: string, untilMs: number): Promise<void>;

  /** The one road: verifies a page and stores it. */
  takeIn(page: {
    registerId: string;
    bytes: Uint8Array<ArrayBuffer>;
    sourcePeerId: string | null;
  }): Promise<Outcome<Head> & { alreadyHeld?: boolean }>;
}

/** What an operator sees and does of the queue. Times are unix ms; 0: none. */
export interface QueueDesk {
  list(page: {
    offset: number;
    limit: number;
    state: "waiting" | "dead" | null;
    registerId: string | null;
  }): Promise<{ waiting: number; dead: number; transactions: QueuedRow[] }>;
  /** Queued here, waiting in memory because a peer told of it, or neither. */
  find(wanted: {
    registerId: string;
    transactionId: string;
  }): Promise<{ queued: QueuedRow | null; isPending: boolean }>;
  /** Throws `not-queued`. */
  retry(wanted: { registerId: string; transactionId: string }): Promise<void>;
  /** Throws `not-queued`; `still-tried` for what is no dead letter. */
  drop(wanted: { registerId: string; transactionId: string }): Promise<void>;
}

/** A run of dockets that was committed at once; `atMs` is the last one's time. */
export interface HeadNews {
  registerId: string;
  atMs: number;
  firstDocketNumber: number;
  docketNumber: number;
  docketHash: string;
  transactionCount: number;
}

/** Something worth knowing, as the store keeps it. Ids ascend with time. */
export interface EvidenceView {
  docketNumber: number;
  hashes: readonly string[];
  sourcePeerId: string | null;
  foundAtMs: number;
  proof: string;
}

export interface NotedEvent {
  eventId: number;
  atMs: number;
  type: string;
  registerId: string | null;
  peerId: string | null;
  message: string;
  facts: Record<string, unknown>;
}

/** Keys of groups that seal together. */
export interface GroupDesk {
  status(registerId: string): ThresholdView;
  /** Both resolve once it is proposed; `status` says how it gets on. */
  init(registerId: string, wanted: WantedGroup): Promise<ThresholdView>;
  reshare(registerId: string, wanted: WantedGroup): Promise<ThresholdView>;
}

export interface WantedGroup {
  threshold: number;
  /** In the order of their indices; a key is base64url, and left out where it is known. */
  validators: readonly NamedValidator[];
}

/** How a register's upkeep stands. Times are unix ms. */
export type UpkeepView = UpkeepStatus;

export interface StoredBundle {
  number: number;
  bundle: Uint8Array;
  firstVersion: number;
}

/** A register as it stands in the store. Times are unix ms. */
export type HeldRegister = Readonly<RegisterRow>;

export interface AdvertView {
  registerId: string;
  syncState: string;
  latestVersion: number;
  latestDocketVersion: number;
  isPublic: boolean;
}

export interface AvailableView {
  registerId: string;
  name: string | null;
  description: string | null;
  peerCount: number;
  latestVersion: number;
  latestDocketVersion: number;
  isPublic: boolean;
  fullReplicaPeerCount: number;
  genesisHash: string | null;
}

export interface SubscriptionView {
  registerId: string;
  mode: "ForwardOnly" | "FullReplica";
  syncState: "Subscribing" | "Syncing" | "FullyReplicated" | "Active" | "Error";
  lastSyncedDocketVersion: number | null;
  lastSyncedTransactionVersion: number;
  totalDocketsInChain: number;
  syncProgressPercent: number;
  canParticipateInValidation: boolean;
  isReceiving: boolean;
  lastSyncAt: string | null;
  consecutiveFailures: number;
  errorMessage: string | null;
  errorCode: string | null;
  sourcePeerId: string | null;
  resumedFrom: number | null;
  docketsPerSecond: number;
  transactionsPerSecond: number;
  verification: "sealed" | "chain" | null;
  limitingStage: LimitingStage | null;
  pausedAt: string | null;
  retention: { keepDockets: number | null; keepDays: number | null } | null;
}
