/**
 * One session at this node, run over the network: hands what comes to its machines (`Member`, and
 * at who proposes `Collector`), sends what they say, and tells them when a wait is over. The
 * coordinator makes it and asks how it stands; it forgets everything once it is over.
 */

import { backoffMs } from "../../base/backoff.ts";
import { isAbort, messageOf, PeerError } from "../../base/error.ts";
import { Mutex } from "../../base/mutex.ts";
import type { Clock } from "../../runtime/clock.ts";
import { limits } from "../../runtime/limits.ts";
import type { Log } from "../../runtime/log.ts";
import { type MessageType, messageType } from "../../wire/distribution-messages.ts";
import type { BlsKeyShareDistribution } from "../../wire/key-generation-messages.ts";
import { blsKeyShareCodec } from "../../wire/services.ts";
import type { Collector } from "./collector.ts";
import type { GroupEpoch, Step } from "./group-epoch.ts";
import type { Member } from "./member.ts";
import type { Proposal } from "./proposal.ts";
import { bytesOf, type Outgoing, type Said } from "./signed.ts";

export interface SessionOptions {
  proposal: Proposal;
  ownId: string;
  member: Member;
  /** Only where this node proposed it. */
  collector: Collector | null;
  clock: Clock;
  dice: () => number;
  log: Log;
  send: (peerId: string, letter: { type: MessageType; payload: Uint8Array }) => Promise<void>;
  /** Durable when it resolves; before that nothing is said of it. */
  save: (epoch: GroupEpoch) => Promise<void>;
  onEnd: () => void;
}

interface Machine {
  readonly state: string;
  readonly isOver: boolean;
  readonly waitMs: number;
}

export class Session {
  readonly #turns = new Mutex();
  readonly #stop = new AbortController();
  readonly #lines = new Map<string, Mutex>();
  readonly #waits = new Map<Machine, { state: string; nap: AbortController }>();
  #hasEnded = false;

  constructor(readonly options: SessionOptions) {}

  get isOver(): boolean {
    const { member, collector } = this.options;
    return member.isOver && (collector?.isOver ?? true);
  }

  /** Proposes, where this node does; the member accepts when the proposal reaches it. */
  start(): Promise<void> {
    const { collector, member } = this.options;
    return this.#turns.run(async () => {
      if (collector !== null) this.#sendAll(collector.begin());
      await this.#apply(member.begin());
      this.#watch();
    });
  }

  /** Throws a `PeerError` for a message that has no place here. */
  takeSaid(said: Said): Promise<void> {
    return this.#turns.run(async () => {
      const { member, collector } = this.options;
      const { body } = said.message;
      if (body === "board" || body === "abort") await this.#apply(await member.take(said));
      else if (collector !== null) this.#sendAll(collector.take(said));
      this.#watch();
    });
  }

  takeShare(share: BlsKeyShareDistribution): Promise<void> {
    return this.#turns.run(async () => {
      await this.#apply(await this.options.member.takeShare(share));
      this.#watch();
    });
  }

  /** Stops without a word, as a crash would. */
  close(): void {
    this.#stop.abort();
    for (const { nap } of this.#waits.values()) nap.abort();
  }

  async #apply(step: Step): Promise<void> {
    if (step.save !== undefined) await this.options.save(step.save);
    this.#sendAll(step.send);
  }

  #sendAll(outgoing: readonly Outgoing[]): void {
    for (const one of outgoing) {
      if (one.to === this.options.ownId) this.#hearOurselves(one);
      else this.#post(one);
    }
  }

  #hearOurselves(own: Outgoing): void {
    if (own.kind === "said" && own.said.message.body === "proposal") return;
    const taken = own.kind === "said" ? this.takeSaid(own.said) : this.takeShare(own.share);
    taken.catch((error) => this.#note(error, this.options.ownId));
  }

  /** In the order of saying, one peer at a time; again while it can't be reached. */
  #post(one: Outgoing): void {
    const line = this.#lines.get(one.to) ?? new Mutex();
    this.#lines.set(one.to, line);
    const isShare = one.kind === "share";
    const letter = {
      type: isShare ? messageType.blsKeyShareDistribution : messageType.keyGeneration,
      payload: isShare ? blsKeyShareCodec.encode(one.share) : bytesOf(one.said),
    };
    const endMs = this.options.clock.monotonicMs() + limits.keyPhaseMs;
    void line
      .run(() => this.#sendUntil(endMs, { peerId: one.to, letter }))
      .catch((error) => this.#note(error, one.to));
  }

  async #sendUntil(
    endMs: number,
    what: { peerId: string; letter: { type: MessageType; payload: Uint8Array } },
  ): Promise<void> {
    const { clock, dice, send } = this.options;
    for (let attempt = 0; ; attempt += 1) {
      this.#stop.signal.throwIfAborted();
      try {
        return await send(what.peerId, what.letter);
      } catch (error) {
        const isCut = error instanceof PeerError && passing.has(error.kind);
        if (!isCut || clock.monotonicMs() >= endMs) throw error;
      }
      await clock.sleep(backoffMs(attempt, { ...patience, dice }), this.#stop.signal);
    }
  }

  /** Each machine gets its time anew with each state. */
  #watch(): void {
    const { member, collector } = this.options;
    this.#wait(member, async () => this.#apply(await member.expire()));
    if (collector !== null) {
      this.#wait(collector, async () => this.#sendAll(collector.expire()));
    }
    if (!this.isOver || this.#hasEnded) return;
    this.#hasEnded = true;
    this.options.onEnd();
  }

  #wait(machine: Machine, expire: () => Promise<void>): void {
    const running = this.#waits.get(machine);
    if (running?.state === machine.state) return;
    running?.nap.abort();
    this.#waits.delete(machine);
    if (machine.isOver || this.#stop.signal.aborted) return;
    const { state } = machine;
    const nap = new AbortController();
    this.#waits.set(machine, { state, nap });
    const over = this.options.clock.sleep(machine.waitMs, nap.signal);
    const turn = async () => {
      if (machine.state !== state || this.#stop.signal.aborted) return;
      await expire();
      this.#watch();
    };
    over.then(() => this.#turns.run(turn)).catch((error) => this.#note(error, "the clock"));
  }

  #note(error: unknown, peerId: string): void {
    if (isAbort(error)) return;
    const { registerId, epoch } = this.options.proposal;
    const code = error instanceof PeerError ? error.code : "internal";
    const facts = { registerId, epoch, peerId, code, reason: messageOf(error) };
    this.options.log.warn(facts, "A message of a key generation was not taken");
  }
}

/** What passes by itself, perhaps. */
const passing: ReadonlySet<string> = new Set(["network", "unavailable", "exhausted"]);
const patience = { firstMs: 200, longestMs: 2_000 };
