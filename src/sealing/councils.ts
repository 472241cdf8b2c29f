/**
 * The registers that this node seals with others, and what it submits to registers that others
 * seal: one `Council` a register, the frames of the post, the waiting submissions. `origin.ts`
 * opens it and asks it; the post and the feed bring it news. Dockets leave it by the one road.
 */
import { messageOf } from "../base/error.ts";
import { readBundle } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import type { Signer } from "../dockets/keys.ts";
import { controlOf, policyText } from "../dockets/policy.ts";
import type { Head, Outcome, Policy } from "../dockets/types.ts";
import { book } from "../peers/book.ts";
import type { Letter, Post } from "../peers/post.ts";
import { readDocket } from "../registers/dockets-table.ts";
import { follow, type HeadEvent } from "../registers/feed.ts";
import { anchorOf, listRegisters, registerOf } from "../registers/heads.ts";
import { whichExist } from "../registers/transactions-table.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import { messageType } from "../wire/distribution-messages.ts";
import type { SealingMessage } from "../wire/sealing-messages.ts";
import type { BuiltTransaction } from "./batch.ts";
import { Council } from "./council.ts";
import { Frames, framesOf } from "./frames.ts";
import { groupMode } from "./group-mode.ts";
import { readApprovedPolicy } from "./policy-approvals-table.ts";
import { findFault, policyIn } from "./proposal.ts";
import * as table from "./sealing-rounds-table.ts";
import { isMember } from "./statements.ts";
import type { Group } from "./threshold/group-keys.ts";
import { votesMode } from "./votes.ts";

export interface CouncilsOptions {
  nodeId: string;
  signer: Signer;
  sealCount: number;
  sealMs: number;
  sealRoundMs: number;
  /** Public keys of nodes with which this one is willing to seal. */
  sealFor: readonly string[];
  clock: Clock;
  dice: () => number;
  log: Log;
  post: Post;
  takeIn: (page: { registerId: string; bytes: Uint8Array }) => Promise<Outcome<Head>>;
  /** News of a register: replication shall look. */
  wake: (registerId: string) => void;
  /** The group that seals a register, where this node has a share of its key. */
  groupOf: (registerId: string) => Group | null;
  /** A register whose genesis this node helped to seal is to be followed from now on. */
  keepUp: (registerId: string, genesisHash: string) => Promise<void>;
}

export class Councils {
  readonly #frames = new Frames();
  readonly #councils = new Map<string, Council>();
  readonly #stopping = new AbortController();
  readonly #reader: { stop: () => void };

  constructor(private readonly options: CouncilsOptions) {
    this.#reader = options.post.on(messageType.sealing, (letter) => this.#read(letter));
    void this.#followFeed();
    // What was begun before the last stop goes on.
    for (const { registerId, policy } of listRegisters()) {
      if (this.isWilling(policy)) this.of(registerId).stored([]);
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#reader.stop();
    await Promise.all([...this.#councils.values()].map((council) => council.stop()));
  }

  /** Whether this node has a seat there and is willing to take it. */
  isWilling(policy: Policy): boolean {
    const { signer, sealFor } = this.options;
    // One alone seals without rounds: two ways to sign one number would be one too many.
    if (policy.validators.length < 2 || !isMember(policy, this.options)) return false;
    if (policy.validators[0]?.publicKey === signer.publicKey) return true;
    return policy.validators.some((one) => sealFor.includes(one.publicKey));
  }

  of(registerId: string): Council {
    const known = this.#councils.get(registerId);
    if (known !== undefined) return known;
    const council = this.#make(registerId);
    this.#councils.set(registerId, council);
    return council;
  }

  /** Messages that wait at the register that has most of them. */
  get deepestInbox(): number {
    return Math.max(0, ...[...this.#councils.values()].map((council) => council.inboxSize));
  }

  /** Something that could be sealed: kept for this node's turn, unless that is not its to do. */
  async add(built: BuiltTransaction): Promise<void> {
    const { registerId } = built.transaction;
    if (await this.#isApproved(built)) this.of(registerId).add(built);
  }

  async #isApproved(built: BuiltTransaction): Promise<boolean> {
    const control = controlOf(built.transaction.payloadJson);
    if (control.kind !== "policy") return control.kind === "none";
    const approved = await readApprovedPolicy(sql(), built.transaction.registerId);
    return policyText(control.policy) === approved;
  }

  #make(registerId: string): Council {
    const { options } = this;
    const { clock, log, nodeId, signer } = options;
    const exist = (transactionIds: string[]) => whichExist(sql(), { registerId, transactionIds });
    const approved = () => readApprovedPolicy(sql(), registerId);
    const at = (number: number) => ({ registerId, number });
    return new Council({
      ...options,
      registerId,
      roundMs: options.sealRoundMs,
      log,
      memory: {
        readFacts: (number) => table.readFacts(sql(), at(number)),
        saveFacts: (number, facts) => table.saveFacts(sql(), at(number), facts),
        forgetFacts: (below) => table.forgetFacts(sql(), at(below)),
        takeNumber: (number, hash) => table.takeNumber(sql(), at(number), hash),
      },
      anchor: () => {
        const anchor = anchorOf(registerId);
        return anchor?.policy != null && !this.isWilling(anchor.policy) ? unseated(anchor) : anchor;
      },
      send: (peerId, message) => this.#send(peerId, message),
      findFault: (proposal, anchor) =>
        findFault(proposal, { anchor, nowMs: clock.nowMs(), whichExist: exist, approved }),
      takeIn: async (bytes) => {
        const isNew = anchorOf(registerId) === null;
        const taken = await options.takeIn({ registerId, bytes });
        if (taken.ok && isNew) await options.keepUp(registerId, taken.value.hash);
        return taken;
      },
      blame: (peerId) => book().reportFailure(peerId, falsePart),
      catchUp: () => options.wake(registerId),
      readSealed: async (number) => (await readDocket(sql(), at(number)))?.bundle ?? null,
      whichExist: exist,
      isApproved: (built) => this.#isApproved(built),
      modeOf: (policy) =>
        policy.groupPublicKey === undefined
          ? votesMode(policy, signer)
          : groupMode(() => options.groupOf(registerId)),
      isInvited: (policy) => policy.validators[0]?.validatorId !== nodeId && this.isWilling(policy),
    });
  }

  async #read(letter: Letter): Promise<void> {
    const message = this.#frames.read(letter.payload, letter.from);
    if (message === null) return;
    const { registerId } = message;
    const known = this.#councils.get(registerId);
    if (known !== undefined) return known.receive(message, letter.from);
    const policy = registerOf(registerId)?.policy ?? policyIn(message.bundle);
    if (policy !== null && this.isWilling(policy))
      this.of(registerId).receive(message, letter.from);
  }

  #send(peerId: string, message: SealingMessage): void {
    const { post, log } = this.options;
    const { signal } = this.#stopping;
    const sending = (async () => {
      for (const payload of framesOf(message)) {
        await post.send(peerId, { type: messageType.sealing, payload, signal });
      }
    })();
    sending.catch((error) => log.debug({ peerId, err: messageOf(error) }, "Not told"));
  }

  async #followFeed(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const news = follow({ signal });
      for await (const event of news) {
        await this.#stored(event).catch((error) => this.#tellTrouble(event.registerId, error));
      }
      if (!news.lagged) return;
      for (const registerId of this.#councils.keys()) await this.#lookAll(registerId);
    }
  }

  async #stored(event: HeadEvent): Promise<void> {
    const { registerId, firstNumber, number } = event;
    const council = this.#councils.get(registerId);
    if (council === undefined) return;
    if (number - firstNumber > docketsAtOnce) return this.#lookAll(registerId);
    const transactionIds: string[] = [];
    for (let at = firstNumber; at <= number; at += 1) {
      const row = await readDocket(sql(), { registerId, number: at });
      const read = row === null ? null : readBundle(row.bundle);
      const docket = read === null ? null : decodeDocket(read.docketData);
      if (!docket?.ok) continue;
      transactionIds.push(...docket.value.transactions.map((leaf) => leaf.transactionId));
    }
    council.stored(transactionIds);
  }

  async #lookAll(registerId: string): Promise<void> {
    const council = this.#councils.get(registerId);
    const transactionIds = council?.pool.ids() ?? [];
    council?.stored(await whichExist(sql(), { registerId, transactionIds }));
  }

  #tellTrouble(registerId: string, error: unknown): void {
    this.options.log.warn({ registerId, err: messageOf(error) }, "Sealing was held up");
  }
}

/** Nobody makes one by mistake. */
const falsePart = {
  weight: 5,
  code: "false-part",
  what: "It sent a false part of a docket's seal",
};

/** Runs of dockets up to this length are read one by one. */
const docketsAtOnce = 16;

/** A register in which this node does not take its seat, as its council sees it. */
function unseated<T extends { policy: Policy | null }>(anchor: T): T {
  const { policy } = anchor;
  return policy === null ? anchor : { ...anchor, policy: { ...policy, validators: [] } };
}
