/**
 * A register's validators, seen from one of them: drives the rounds over the post. Owns the pool of
 * what could be sealed, and the rounds about the next number. `councils.ts` makes one a register
 * and brings it what comes in; it hands sealed dockets to the one road and writes none itself.
 */
import { messageOf } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import { encodePage } from "../dockets/bundle.ts";
import type { Anchor, Policy } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";
import { type SealingMessage, sealingKind } from "../wire/sealing-messages.ts";
import type { BuiltTransaction } from "./batch.ts";
import type { CouncilOptions } from "./council-options.ts";
import { draftFrom } from "./drafting.ts";
import { readInvitation } from "./invitation.ts";
import { Pool } from "./pool.ts";
import { docketIn, type Proposal } from "./proposal.ts";
import { Rounds } from "./round.ts";
import { Patience } from "./round-patience.ts";
import { type Letter, noFacts, type Step } from "./round-step.ts";
import { SealedDockets, withBodiesOf, withoutBodies } from "./sealed-dockets.ts";
import { isMember, seatOf } from "./statements.ts";
import type { SealMode } from "./votes.ts";

export class Council {
  readonly pool = new Pool();
  readonly #turns = new Mutex();
  readonly #patience: Patience;
  #rounds: Rounds | null = null;
  #mode: SealMode | null = null;
  /** A genesis that this node proposes, or that it was invited to. */
  #founding: { policy: Policy; proposal: Proposal } | null = null;
  #inboxSize = 0;
  #stopped = false;
  #nap = new AbortController();
  readonly #shown: SealedDockets;

  constructor(private readonly options: CouncilOptions) {
    this.#patience = new Patience(options);
    this.#shown = new SealedDockets(options);
  }

  get inboxSize(): number {
    return this.#inboxSize;
  }

  /** A message of a peer, read in its turn; beyond the bound it is dropped, and comes again. */
  receive(message: SealingMessage, from: string): void {
    if (this.#stopped || this.#inboxSize >= limits.sealingInbox) return;
    this.#inboxSize += 1;
    void this.#turn(() => this.#read(message, from)).finally(() => {
      this.#inboxSize -= 1;
    });
  }

  /** Something is to be sealed. False: there is no room for it now. */
  add(built: BuiltTransaction): boolean {
    const isIn = this.pool.add(built, this.options.clock.monotonicMs());
    void this.#turn(async () => {});
    return isIn;
  }

  /** Docket `number` and those before it are stored. */
  stored(transactionIds: Iterable<string>): void {
    this.pool.drop(transactionIds);
    void this.#turn(async () => {});
  }

  /** Brings a register to life: its genesis docket goes through a round as any other. */
  found(policy: Policy, proposal: Proposal): void {
    this.#founding = { policy, proposal };
    void this.#turn(async () => {});
  }

  /** Nobody waits for the new register any more. Gives who did not answer. */
  async giveUpFounding(): Promise<string[]> {
    const letters = this.#rounds?.remind() ?? [];
    this.#founding = null;
    this.#rounds = null;
    return letters.flatMap(({ to }) => (to === null ? [] : [to]));
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#nap.abort();
    return this.#turns.run(async () => {});
  }

  async #turn(work: () => Promise<void>): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#stopped) return;
      try {
        await this.#enter();
        await work();
        await this.#goOn();
      } catch (error) {
        this.options.log.warn({ err: messageOf(error) }, "A sealing round was held up");
      }
      this.#arm();
    });
  }

  /** The rounds about the number that comes next, where this node has a seat. */
  async #enter(): Promise<void> {
    const { options } = this;
    const place = this.#place();
    if (place === null || !isMember(place.policy, options)) {
      this.#rounds = null;
      return;
    }
    const { number, policy } = place;
    if (this.#rounds?.seat.number === number) return;
    const facts = await options.memory.readFacts(number);
    const seat = seatOf({ registerId: options.registerId, number, policy }, options);
    this.#rounds = new Rounds(seat, facts ?? noFacts);
    this.#mode = options.modeOf(policy);
    this.#patience.begin();
    await options.memory.forgetFacts(number);
  }

  #place(): { number: number; policy: Policy; anchor: Anchor } | null {
    const anchor = this.options.anchor();
    if (anchor?.policy != null) {
      this.#founding = null;
      return { number: anchor.nextNumber, policy: anchor.policy, anchor };
    }
    if (this.#founding === null) return null;
    const { registerId } = this.options;
    const empty = { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
    return { number: 0, policy: this.#founding.policy, anchor: empty };
  }

  async #read(message: SealingMessage, from: string): Promise<void> {
    if (this.#rounds === null) await this.#acceptInvitation(message);
    const rounds = this.#rounds;
    if (rounds === null) return;
    const { seat } = rounds;
    if (!seat.validators.some((one) => one.validatorId === message.validatorId)) return;
    if (message.docketNumber < seat.number) return this.#shown.show(message, from);
    if (message.docketNumber > seat.number) return this.options.catchUp();
    if (message.validatorId === rounds.proposer) this.#patience.heard(rounds.proposer);
    switch (message.kind) {
      case sealingKind.propose:
        return this.#consider(message);
      case sealingKind.signature:
        return this.#countSignature(message, from);
      case sealingKind.sealed:
        return this.#takeSealed(message);
      default:
        await this.#apply(rounds.read(message));
    }
  }

  /** The first proposal of a register that this node does not hold. */
  async #acceptInvitation(message: SealingMessage): Promise<void> {
    if (this.options.anchor() !== null) return;
    this.#founding = readInvitation(message, this.options);
    await this.#enter();
  }

  async #consider(message: SealingMessage): Promise<void> {
    const rounds = this.#rounds;
    const place = this.#place();
    if (rounds === null || place === null || !rounds.mayAccept(message)) return;
    const { docketHash: hash, bundle } = message;
    const isSeen = rounds.bundleOf(hash) !== null;
    const fault = isSeen ? null : await this.options.findFault({ hash, bundle }, place.anchor);
    if (fault === null) return this.#apply(rounds.accept(message));
    const { registerId, docketNumber: docket, validatorId: proposer } = message;
    const facts = { registerId, docket, proposer, reason: fault };
    this.options.log.warn(facts, "A proposed docket is refused");
  }

  /** Parts come from who made them, so nobody is blamed for what another says in its name. */
  async #countSignature(message: SealingMessage, from: string): Promise<void> {
    const rounds = this.#rounds;
    const { docketHash: hash, validatorId, signature: value } = message;
    const bundle = rounds?.bundleOf(hash);
    const docket = bundle == null ? null : docketIn(bundle);
    if (rounds === null || docket === null || from !== validatorId) return;
    const worth = await this.#mode?.judge(docket, { validatorId, value });
    if (worth === "counts") await this.#apply(rounds.signed(validatorId, { hash, value }));
    if (worth === "false") this.#shown.blame([validatorId]);
  }

  async #apply(step: Step): Promise<void> {
    const rounds = this.#rounds;
    if (rounds === null) return;
    const { number } = rounds.seat;
    const { memory } = this.options;
    if (step.save !== null) await memory.saveFacts(number, step.save);
    for (const letter of step.send) this.#post(letter);
    if (step.sign !== null) await this.#sign(step.sign);
    if (step.sealed !== null) await this.#seal(step.sealed);
  }

  /** The one place where a docket is signed: durably taken first, and only this one ever. */
  async #sign({ hash, to }: { hash: string; to: string }): Promise<void> {
    const { seat } = this.#rounds as Rounds;
    const { memory, registerId, log, nodeId } = this.options;
    if (this.#mode === null) return;
    if (!(await memory.takeNumber(seat.number, hash))) {
      const facts = { registerId, docket: seat.number, hash };
      log.error(facts, "Another docket of this number is signed");
      return;
    }
    const signature = await this.#mode.signDocket(seat.number, hash);
    const message = this.#shown.signatureOf(seat.number, { hash, signature });
    if (to === nodeId) await this.#countSignature(message, nodeId);
    else this.#post({ to, message });
  }

  async #seal(decided: NonNullable<Step["sealed"]>): Promise<void> {
    const rounds = this.#rounds;
    if (rounds === null || this.#mode === null) return;
    const { bundle: sealed, faulty } = await this.#shown.assemble(decided, this.#mode);
    if (sealed === null) return rounds.strike(faulty);
    const { number } = rounds.seat;
    // The others have the bodies, but those who missed the proposal of a genesis can't fetch them.
    const { hash } = decided;
    const bundle = number === 0 ? sealed : withoutBodies(sealed);
    this.#post({ to: null, message: this.#shown.messageOf(number, { hash, bundle }) });
    await this.#takeIn(sealed);
  }

  async #takeSealed(message: SealingMessage): Promise<void> {
    const seen = this.#rounds?.bundleOf(message.docketHash) ?? null;
    const bundle = withBodiesOf(message.bundle, seen);
    if (bundle === null) this.options.catchUp();
    else await this.#takeIn(bundle);
  }

  async #takeIn(bundle: Uint8Array): Promise<void> {
    const bytes = encodePage({ bundles: [bundle], headNumber: 0, firstVersion: 0 });
    const taken = await this.options.takeIn(bytes);
    const { registerId, log } = this.options;
    if (!taken.ok) log.warn({ registerId, reason: taken.refusal.message }, "A seal is refused");
    await this.#enter();
  }

  /** What this node does by itself: propose, remind, leave a round that takes too long. */
  async #goOn(): Promise<void> {
    const rounds = this.#rounds;
    if (rounds === null) return;
    const isBusy = this.pool.size > 0 || rounds.isBegun || this.#founding !== null;
    this.#patience.look(rounds, { isBusy, oldestMs: this.pool.oldestMs });
    if (rounds.wanted() !== null && isBusy) await this.#propose(rounds);
    if (this.#patience.shouldRemind()) for (const one of rounds.remind()) this.#post(one);
    if (!this.#patience.isOver()) return;
    this.#patience.gaveUp(rounds.proposer);
    // Who founds a register is the only one who can: it is reminded of, not replaced.
    if (rounds.seat.number > 0) await this.#apply(rounds.timeOut());
    else this.#patience.begin();
    this.#patience.look(rounds, { isBusy, oldestMs: this.pool.oldestMs });
    if (rounds.wanted() !== null) await this.#propose(rounds);
  }

  async #propose(rounds: Rounds): Promise<void> {
    const { round } = rounds;
    const lock = rounds.wanted()?.lock ?? null;
    if (lock !== null) {
      const { certificate, bundle } = lock;
      const hash = docketIn(bundle)?.docketHash;
      if (hash !== certificate.docketHash) return;
      return this.#apply(rounds.propose({ hash, bundle, round }));
    }
    const proposal = this.#founding?.proposal ?? (await this.#draft(round));
    if (proposal === null) return;
    await this.#apply(rounds.propose({ ...proposal, round }));
  }

  /** A docket of what waits, once there is enough or it waited long enough. */
  async #draft(round: number): Promise<Proposal | null> {
    const { options, pool } = this;
    const place = this.#place();
    const isDue = pool.size >= options.sealCount || this.#patience.isDue(pool.oldestMs);
    if (place === null || (round === 0 && !isDue)) return null;
    const isTurnOfControl = () => this.#patience.isTurnOfControl();
    return draftFrom(pool, { ...options, anchor: place.anchor, isTurnOfControl });
  }

  #post({ to, message }: Letter): void {
    const { nodeId, send } = this.options;
    const others = this.#rounds?.seat.validators.map((one) => one.validatorId) ?? [];
    for (const peerId of to === null ? others : [to]) if (peerId !== nodeId) send(peerId, message);
  }

  /** Sleeps until there is something to do by itself. */
  #arm(): void {
    this.#nap.abort();
    const dueMs = this.#rounds === null ? null : this.#patience.nextMs(this.pool.oldestMs);
    if (dueMs === null || this.#stopped) return;
    this.#nap = new AbortController();
    const { clock } = this.options;
    clock.sleep(Math.max(1, dueMs - clock.monotonicMs()), this.#nap.signal).then(
      () => this.#turn(async () => {}),
      () => undefined,
    );
  }
}
