import { hexOf } from "../../src/base/bytes.ts";
import { PeerError } from "../../src/base/error.ts";
import { encodeBundle, encodePage, readBundle } from "../../src/dockets/bundle.ts";
import {
  buildDocket,
  buildGenesis,
  buildPayload,
  buildTransaction,
  leafOf,
  type Signer,
} from "../../src/dockets/envelope.ts";
import { sha256Hex } from "../../src/dockets/hash.ts";
import { joinPage } from "../../src/dockets/join.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import type { Anchor, Leaf } from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import type { Amber } from "../../src/replication/ambers.ts";
import type { PeerView } from "../../src/rest/peer-desk.ts";
import type {
  AvailableView,
  HeadNews,
  HeldRegister,
  NotedEvent,
  RestSource,
  StoredBundle,
  SubscriptionView,
  UpkeepView,
} from "../../src/rest/source.ts";
import { loadConfig, viewSettings } from "../../src/runtime/config.ts";
import type { QueuedRow } from "../../src/sealing/queued-table.ts";
import { MemoryAnswers } from "./memory-answers.ts";
import { MemoryGroups } from "./memory-groups.ts";
import { MemoryPeerDesk } from "./memory-peer-desk.ts";

interface MemoryRegister {
  held: HeldRegister;
  anchor: Anchor;
  bundles: StoredBundle[];
  transactions: Map<
    string,
    { docketNumber: number; position: number; version: number; data: Uint8Array }
  >;
}

/**
 * What REST and CLI ask of a node, answered from memory with real dockets: everything that comes in
 * is sealed by a real key and goes through the real verification. Counts what was asked of it.
 */
export class MemoryNode implements RestSource {
  readonly nodeId = "memory";
  readonly version = "0.0.0";
  readonly grpcAddress = "127.0.0.1:5001";
  readonly registers = new Map<string, MemoryRegister>();
  peers: PeerView[] = [];
  readonly peerDesk = new MemoryPeerDesk(this);
  available: AvailableView[] = [];
  subscriptions: SubscriptionView[] = [];
  isReady = true;
  amber: Amber[] = [];
  sealCount = 100;
  importCalls = 0;
  /** Called before each import; may throw to stand for a node that breaks. */
  beforeImport: () => void = () => {};
  readonly #signer: Signer = signerOfSeed(new Uint8Array(32).fill(7));
  #made = 0;

  constructor(private readonly nowMs: () => number) {}

  checks = async () => ({ database: this.isReady });
  storeTrouble = () => null;
  ambers = () => this.amber;
  metricsText = async () => "# no metrics\n";
  trustStatus = () => ({
    peerAuth: "open" as const,
    isEncrypted: false,
    certificateExpiresAtMs: null,
    authorityExpiresAtMs: null,
  });
  vitals = () => ({ cpuPercent: 12.5, memoryMb: 90 });
  listSettings = () => viewSettings(loadConfig({}));
  queueSize = () => 0;
  /** Waiting for a docket. */
  queued: QueuedRow[] = [];
  /** Whether peers told of what is asked for. */
  isPending = false;
  queueDesk = {
    list: async () => {
      const { queued: transactions } = this;
      const dead = transactions.filter((one) => one.state === "dead").length;
      return { waiting: transactions.length - dead, dead, transactions };
    },
    find: async (wanted: { transactionId: string }) => ({
      queued: this.queued.find((one) => one.transactionId === wanted.transactionId) ?? null,
      isPending: this.isPending,
    }),
    retry: (wanted: { registerId: string; transactionId: string }) => this.#queued(wanted),
    drop: (wanted: { registerId: string; transactionId: string }) => this.#queued(wanted),
  };
  readonly answers = new MemoryAnswers();
  upkeepOf = (registerId: string): UpkeepView => ({ ...newUpkeep, registerId, ...this.upkeep });
  beginUpkeep = async (registerId: string, work: "audit" | "repair") => {
    this.upkeep = { work, state: "finished", ...this.upkeepEnds };
    return { ...newUpkeep, registerId, work, state: "running" as const };
  };
  upkeep: Partial<UpkeepView> = {};
  /** How an audit or a repair that is begun will have ended. */
  upkeepEnds: Partial<UpkeepView> = {};
  listEvidence = async () => [];
  readonly groups = new MemoryGroups();
  readEvents = async (wanted: {
    after?: number;
    before?: number;
    countMax: number;
    types?: readonly string[];
    search?: string;
  }) =>
    this.noted
      .filter((one) => one.eventId > (wanted.after ?? 0))
      .filter((one) => one.eventId < (wanted.before ?? Number.POSITIVE_INFINITY))
      .filter((one) => fitsTypes(one.type, wanted.types))
      .filter((one) => `${one.type} ${one.message}`.includes(wanted.search ?? ""))
      .slice(-wanted.countMax);

  /** Tells whoever follows heads of a docket. */
  tell(head: HeadNews): void {
    this.news.push(head);
    this.#wakeReaders();
  }

  followHeads(signal: AbortSignal) {
    const self = this;
    let at = this.news.length;
    return {
      lagged: false,
      async *[Symbol.asyncIterator](): AsyncGenerator<HeadNews> {
        signal.addEventListener("abort", () => self.#wakeReaders(), { once: true });
        while (!signal.aborted) {
          while (at < self.news.length) yield self.news[at++] as HeadNews;
          await new Promise<void>((resolve) => {
            self.#wakeReaders = resolve;
          });
        }
      },
    };
  }

  readonly news: HeadNews[] = [];
  noted: NotedEvent[] = [];
  #wakeReaders: () => void = () => {};
  readonly revoked = new Set<string>();
  revokeToken = async (tokenId: string) => void this.revoked.add(tokenId);
  listPeers = () => this.peers;
  getPeer = (peerId: string) => this.peers.find((one) => one.peerId === peerId) ?? null;
  availableRegisters = () => this.available;
  listRegisters = () => [...this.registers.values()].map((one) => one.held);
  getRegister = (registerId: string) => this.registers.get(registerId)?.held ?? null;
  listSubscriptions = () => this.subscriptions;

  async readBundles(request: {
    registerId: string;
    next: number;
    countMax: number;
    bytesMax: number;
    controlOnly?: boolean;
  }): Promise<StoredBundle[]> {
    const found: StoredBundle[] = [];
    let bytes = 0;
    for (const one of this.#get(request.registerId).bundles) {
      if (one.number < request.next) continue;
      if (request.controlOnly && one.number !== 0) continue;
      bytes += one.bundle.length;
      if (found.length >= request.countMax || (found.length > 0 && bytes > request.bytesMax)) break;
      found.push(one);
    }
    return found;
  }

  /** As if everything that it holds were a dead letter. */
  async #queued(wanted: { registerId: string; transactionId: string }): Promise<void> {
    if ((await this.findTransaction(wanted)) !== null) return;
    throw new PeerError("not-found", "not-queued", { message: "Not queued here" });
  }

  async findTransaction(request: { registerId: string; transactionId: string }) {
    return this.#get(request.registerId).transactions.get(request.transactionId) ?? null;
  }

  async subscribe(request: { registerId: string; mode: "ForwardOnly" | "FullReplica" }) {
    const isKnown = this.available.some((one) => one.registerId === request.registerId);
    if (!isKnown)
      throw new PeerError("not-found", "unknown-register", { message: "Nobody holds it" });
    if (this.subscriptions.some((one) => one.registerId === request.registerId)) {
      throw new PeerError("conflict", "already-subscribed", { message: "Already subscribed" });
    }
    const status = newSubscription(request);
    this.subscriptions.push(status);
    return status;
  }

  async unsubscribe(registerId: string): Promise<void> {
    const kept = this.subscriptions.filter((one) => one.registerId !== registerId);
    if (kept.length === this.subscriptions.length) {
      throw new PeerError("not-found", "not-subscribed", { message: "Not subscribed" });
    }
    this.subscriptions = kept;
  }

  async purge(registerId: string): Promise<void> {
    if (this.registers.delete(registerId)) return;
    throw new PeerError("not-found", "unknown-register", { message: "Not held" });
  }

  pause = (registerId: string) => this.#turn(registerId, new Date(this.nowMs()).toISOString());
  resume = (registerId: string) => this.#turn(registerId, null);

  async #turn(registerId: string, pausedAt: string | null): Promise<SubscriptionView> {
    const found = this.subscriptions.find((one) => one.registerId === registerId);
    if (found === undefined) {
      throw new PeerError("not-found", "not-subscribed", { message: "Not subscribed" });
    }
    found.pausedAt = pausedAt;
    return found;
  }

  async changePolicy({ registerId }: { registerId: string }) {
    const held = this.registers.get(registerId);
    if (held === undefined) throw new Error("The register is held");
    const { policy: before } = held.held;
    const policy = { ...before, version: before.version + 1 };
    return { transactionId: "0".repeat(64), policy };
  }

  async createRegister(request: {
    name: string;
    description?: string;
    isPublic?: boolean;
    registerId?: string;
  }) {
    this.#made += 1;
    const made = sha256Hex(`register ${this.#made}`).slice(0, 32);
    const { registerId = made } = request;
    const { name, description = "", isPublic = true } = request;
    const validator = {
      validatorId: "v1",
      publicKey: this.#signer.publicKey,
      algorithm: "ED25519",
    };
    const genesis = buildGenesis({
      registerId,
      policy: { version: 1, validators: [validator], threshold: 1, isPublic, name, description },
      createdAtMs: this.nowMs(),
      signer: this.#signer,
    });
    this.#store(registerId, encodeBundle(genesis));
    return { registerId, genesisHash: genesis.docket.docketHash };
  }

  async submit(request: { registerId: string; dataText: string; type?: string; wait?: boolean }) {
    const nonce = hexOf(crypto.getRandomValues(new Uint8Array(16)));
    const [transactionId] = this.#seal(request.registerId, [{ dataText: request.dataText, nonce }]);
    const docketNumber = this.#get(request.registerId).held.headNumber;
    return { transactionId: transactionId as string, ...(request.wait ? { docketNumber } : {}) };
  }

  async importRecords(request: {
    registerId: string;
    importId: string;
    firstLine: number;
    lines: string[];
  }) {
    this.importCalls += 1;
    this.beforeImport();
    const before = this.#get(request.registerId).held.transactionCount;
    const records = request.lines.map((dataText, index) => ({
      dataText,
      nonce: sha256Hex(`${request.importId}:${request.firstLine + index}`).slice(0, 32),
    }));
    for (let at = 0; at < records.length; at += this.sealCount) {
      this.#seal(request.registerId, records.slice(at, at + this.sealCount));
    }
    const { held } = this.#get(request.registerId);
    const accepted = held.transactionCount - before;
    return { accepted, alreadyPresent: records.length - accepted, headNumber: held.headNumber };
  }

  async takeIn(page: { registerId: string; bytes: Uint8Array<ArrayBuffer> }) {
    const anchor = this.registers.get(page.registerId)?.anchor ?? emptyAnchor(page.registerId);
    const checked = verifyPage({
      registerId: page.registerId,
      bytes: page.bytes,
      nextNumber: anchor.nextNumber,
      policy: anchor.policy,
      nowMs: this.nowMs(),
      verifyTransactions: "all",
      acceptUnsealed: false,
    });
    if (!checked.ok) return checked;
    const [docket] = checked.value.dockets;
    if (docket === undefined) throw new Error("a checked page has dockets");
    this.#store(page.registerId, page.bytes.slice(docket.offset, docket.offset + docket.length));
    return {
      ok: true as const,
      value: { registerId: page.registerId, number: docket.number, hash: docket.hash },
    };
  }

  #get(registerId: string): MemoryRegister {
    const register = this.registers.get(registerId);
    if (register !== undefined) return register;
    throw new PeerError("not-found", "unknown-register", { message: "Not held" });
  }

  /** Seals the records that are not there yet as one docket; gives all their ids. */
  #seal(registerId: string, records: { dataText: string; nonce: string }[]): string[] {
    const { transactions, anchor } = this.#get(registerId);
    const data: Uint8Array[] = [];
    const leaves: Leaf[] = [];
    const ids = records.map(({ dataText, nonce }) => {
      const payloadJson = buildPayload({
        type: "Action",
        sender: this.nodeId,
        recipients: [],
        previousTransactionId: null,
        nonce,
        dataText,
      });
      const parts = { registerId, payloadJson, createdAtMs: this.nowMs(), signer: this.#signer };
      const { transaction, bytes } = buildTransaction(parts);
      if (!transactions.has(transaction.transactionId)) {
        data.push(bytes);
        leaves.push(leafOf(transaction));
      }
      return transaction.transactionId;
    });
    if (leaves.length === 0) return ids;
    const { bytes: docketData } = buildDocket({
      registerId,
      number: anchor.nextNumber,
      previousHash: anchor.previousHash,
      createdAtMs: this.nowMs(),
      proposerValidatorId: "v1",
      leaves,
      signer: this.#signer,
    });
    this.#store(registerId, encodeBundle({ docketData, transactionData: data }));
    return ids;
  }

  #store(registerId: string, bundle: Uint8Array): void {
    const before = this.registers.get(registerId);
    const anchor = before?.anchor ?? emptyAnchor(registerId);
    const checked = verifyPage({
      registerId,
      bytes: encodePage({ bundles: [bundle], headNumber: 0, firstVersion: 0 }),
      nextNumber: anchor.nextNumber,
      policy: anchor.policy,
      nowMs: this.nowMs(),
      verifyTransactions: "all",
      acceptUnsealed: false,
    });
    if (!checked.ok) throw new Error(JSON.stringify(checked.refusal));
    const joined = joinPage(anchor, checked.value);
    if (!joined.ok) throw new Error(JSON.stringify(joined.refusal));
    this.#note(registerId, bundle, joined.value.next);
  }

  #note(registerId: string, bundle: Uint8Array, next: Anchor): void {
    const before = this.registers.get(registerId);
    const number = next.nextNumber - 1;
    const firstVersion = (before?.held.latestVersion ?? 0) + 1;
    const data = readBundle(bundle)?.transactionData ?? [];
    const transactions = before?.transactions ?? new Map();
    for (const [position, one] of data.entries()) {
      const { transactionId } = JSON.parse(new TextDecoder().decode(one));
      const place = { docketNumber: number, position, version: firstVersion + position };
      transactions.set(transactionId, { ...place, data: one });
    }
    const policy = next.policy;
    if (policy === null) throw new Error("a register has a policy");
    const held: HeldRegister = {
      registerId,
      name: policy.name,
      description: policy.description,
      isPublic: policy.isPublic,
      policy,
      genesisHash: before?.held.genesisHash ?? next.previousHash,
      firstNumber: 0,
      headNumber: number,
      headHash: next.previousHash,
      headTimeMs: next.previousTimeMs,
      latestVersion: firstVersion + data.length - 1,
      transactionCount: (before?.held.transactionCount ?? 0) + data.length,
      bytes: (before?.held.bytes ?? 0) + bundle.length,
      verification: "sealed",
      isOrigin: true,
      createdAtMs: before?.held.createdAtMs ?? this.nowMs(),
    };
    const bundles = [...(before?.bundles ?? []), { number, bundle, firstVersion }];
    this.registers.set(registerId, { held, anchor: next, bundles, transactions });
  }
}

const newUpkeep = {
  work: null,
  state: "never" as const,
  startedAtMs: null,
  docketsDone: 0,
  docketsTotal: 0,
  transactionsDone: 0,
  repairedDockets: 0,
  lostDockets: 0,
  message: null,
  lastAudit: null,
  damage: [],
};

export function newSubscription(
  given: Pick<SubscriptionView, "registerId" | "mode">,
): SubscriptionView {
  return {
    ...given,
    syncState: "Subscribing",
    lastSyncedDocketVersion: null,
    lastSyncedTransactionVersion: 0,
    totalDocketsInChain: 0,
    syncProgressPercent: 0,
    canParticipateInValidation: false,
    isReceiving: false,
    lastSyncAt: null,
    consecutiveFailures: 0,
    errorMessage: null,
    errorCode: null,
    sourcePeerId: null,
    resumedFrom: null,
    docketsPerSecond: 0,
    transactionsPerSecond: 0,
    verification: null,
    limitingStage: null,
    pausedAt: null,
    retention: null,
  };
}

function emptyAnchor(registerId: string): Anchor {
  return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
}

function fitsTypes(type: string, wanted: readonly string[] = []): boolean {
  const begins = (one: string) => type.startsWith(one.replace("*", ""));
  return wanted.length === 0 || wanted.some(begins);
}
