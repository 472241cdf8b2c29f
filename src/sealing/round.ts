/**
 * The rounds in which validators decide on one docket number: a value, without clock, network or
 * store. Messages and ticks go in, a `Step` comes out: what must be durable, and only then what is
 * sent. `council.ts` drives it.
 *
 * In round r the validator (number + r) mod n proposes. Validators *accept* one docket a round; a
 * quorum q of accepts is a certificate. Who sees the certificate *locks* on it and says *commit*; q
 * commits decide. Only what is decided is signed: one docket hash a number, ever. A round that
 * takes too long is left by a *promise* to take nothing more of lower rounds, which carries one's
 * lock; a proposal of a later round shows q promises and is of the docket of their highest lock.
 *
 * Why it is safe, where f validators lie and the rest may crash, restart and lose messages at will.
 * A seal takes t signatures, a decision takes q ≥ t (`quorumOf`):
 * - No two decisions while f < 2q - n. In one round: two certificates would share an honest
 *   validator, which accepts one docket. In later ones: q validators locked on h in round r; any
 *   q promises of a later round include an honest one of them, made after its lock, as nothing
 *   of round r is taken after the promise. Its lock comes with the promise, and a higher lock is
 *   (by induction) on h as well. Locks can't be made up: they carry q signed accepts. (Paxos as
 *   such decides with the accepts; there a lying proposer of round 0 could leave honest signatures
 *   divided, hence the second step.)
 * - No fork while f < 2q - n and f < t: among t signatures one is honest, and the honest sign
 *   nothing but what was decided. So a group's t can stand at half of all while liars are met by
 *   the larger q: with t = q = 4 of 7, a single liar that proposes could get three honest
 *   validators to decide on one docket and the other three on another. Nothing smaller than such a
 *   q would do (n > 3f), whatever the signature is made of.
 * - Nor while f < 2t - n, whatever happens in the rounds: two seals of t signatures have 2t - n
 *   validators in common, one of them honest, and an honest one signs one hash a number. That rests
 *   on the primary key of `sealing_signed` alone.
 * - With crashes only, f = 0, every threshold above n / 2 is safe. A validator that is put back to
 *   an older copy of its database has forgotten what it said: it counts as a liar.
 * - It goes on while q honest validators reach each other: time-outs grow with the round, so they
 *   meet in one round for long enough, and proposers come in turn.
 */
import {
  type SealingMessage,
  type SealingStatement,
  sealingKind,
} from "../wire/sealing-messages.ts";
import { Lead } from "./lead.ts";
import {
  type Facts,
  join,
  type Letter,
  type Lock,
  noFacts,
  nothing,
  type Step,
} from "./round-step.ts";
import {
  isCertificateTrue,
  isJustified,
  isSaidBy,
  isSaidByQuorum,
  proposerOf,
  type Seat,
  say,
} from "./statements.ts";

export class Rounds {
  #facts: Facts;
  /** The docket that was accepted in `#facts.accepted`'s round, while this process remembers it. */
  #accepted: Uint8Array | null = null;
  #lead: Lead | null = null;
  /** The highest round that each validator has promised. */
  readonly #heard = new Map<string, number>();
  readonly #promises = new Map<number, Map<string, SealingMessage>>();

  constructor(
    readonly seat: Seat,
    facts: Facts = noFacts,
  ) {
    this.#facts = facts;
  }

  get round(): number {
    return this.#facts.promised;
  }

  /** A docket was accepted here: it should be brought to an end. */
  get isBegun(): boolean {
    return this.#facts.accepted !== null || this.#facts.lock !== null;
  }

  get proposer(): string {
    return proposerOf(this.seat, this.round);
  }

  /** The docket of that hash with its bodies, if it was seen here. */
  bundleOf(hash: string): Uint8Array | null {
    const { accepted, lock } = this.#facts;
    if (accepted?.hash === hash && this.#accepted !== null) return this.#accepted;
    return lock?.certificate.docketHash === hash ? lock.bundle : null;
  }

  /** What this node is to propose now: the docket of a lock, or a fresh one. Null: nothing. */
  wanted(): { lock: Lock | null } | null {
    const { round, seat } = this;
    if (this.proposer !== seat.ownId || this.#facts.accepted?.round === round) return null;
    if (this.#lead !== null && this.#lead.round >= round) return null;
    if (round === 0) return { lock: null };
    const promises = [...(this.#promises.get(round)?.values() ?? [])];
    if (promises.length < seat.quorum) return null;
    const [highest] = promises.sort((left, right) => right.locked - left.locked);
    if (highest === undefined || highest.locked === 0 || highest.lock === null) {
      return { lock: null };
    }
    return { lock: { certificate: highest.lock, bundle: highest.bundle } };
  }

  /** Proposes a docket that was found good, in the round that `wanted` spoke of. */
  propose(proposal: { hash: string; bundle: Uint8Array; round: number }): Step {
    const wanted = this.wanted();
    const { seat, round } = this;
    if (wanted === null || proposal.round !== round) return nothing;
    const { hash: docketHash, bundle } = proposal;
    if (wanted.lock !== null && wanted.lock.certificate.docketHash !== docketHash) return nothing;
    const promises = [...(this.#promises.get(round)?.values() ?? [])];
    const lock = wanted.lock?.certificate ?? null;
    const proof = promises.map(statementOf);
    const message = say(seat, { kind: "propose", round, docketHash }, { bundle, proof, lock });
    this.#facts = { ...this.#facts, accepted: { round, hash: docketHash } };
    this.#accepted = bundle;
    this.#lead = new Lead(seat, { round, hash: docketHash, bundle, message });
    const own = say(seat, { kind: "accept", round, docketHash });
    const step = { ...nothing, save: this.#facts, send: [{ to: null, message }] };
    return join(step, this.#count(own));
  }

  /** Whether a proposal may be accepted, were its docket good: nothing dear was done yet. */
  mayAccept(message: SealingMessage): boolean {
    const { seat } = this;
    const { round, docketHash, validatorId } = message;
    const { promised, accepted, lock } = this.#facts;
    if (validatorId !== proposerOf(seat, round) || round < promised) return false;
    if (accepted !== null && accepted.round === round && accepted.hash !== docketHash) return false;
    const isUnlocking = lock !== null && lock.certificate.docketHash !== docketHash;
    if (isUnlocking && round <= lock.certificate.round) return false;
    if (!isSaidBy(seat, { kind: "propose", round, docketHash }, message)) return false;
    return isJustified(seat, message);
  }

  /** The docket of a proposal was found good. */
  accept(message: SealingMessage): Step {
    if (!this.mayAccept(message)) return nothing;
    const { round, docketHash, bundle, validatorId: to } = message;
    const isNew = this.#facts.accepted?.round !== round;
    this.#facts = { ...this.#facts, promised: round, accepted: { round, hash: docketHash } };
    this.#accepted = bundle;
    const answer = say(this.seat, { kind: "accept", round, docketHash });
    return { ...nothing, save: isNew ? this.#facts : null, send: [{ to, message: answer }] };
  }

  /** Everything but proposals, which are checked first. */
  read(message: SealingMessage): Step {
    switch (message.kind) {
      case sealingKind.accept:
      case sealingKind.commit:
        return this.#count(message);
      case sealingKind.prepared:
        return this.#prepared(message);
      case sealingKind.decided:
        return this.#decided(message);
      case sealingKind.promise:
        return this.#promise(message);
      default:
        return nothing;
    }
  }

  /** A signature that counts, of the docket that is being led. */
  signed(validatorId: string, signature: { hash: string; value: string }): Step {
    const sealed = this.#lead?.sign(validatorId, signature) ?? null;
    return { ...nothing, sealed };
  }

  /** No seal came of the signatures, for those of these validators are false. */
  strike(validatorIds: readonly string[]): void {
    this.#lead?.strike(validatorIds);
  }

  /** The round took too long: leave it for the next one. */
  timeOut(): Step {
    return this.#goTo(this.round + 1);
  }

  /** For whoever did not answer what this node leads. */
  remind(): Letter[] {
    return this.#lead?.round === this.round ? this.#lead.remind() : [];
  }

  #goTo(round: number): Step {
    const { lock } = this.#facts;
    this.#facts = { ...this.#facts, promised: round };
    this.#lead = null;
    const docketHash = lock?.certificate.docketHash ?? "";
    const locked = lock === null ? 0 : lock.certificate.round + 1;
    const said = { kind: "promise" as const, round, docketHash, locked };
    const message = say(this.seat, said, { lock: lock?.certificate ?? null });
    const whole = { ...message, bundle: lock?.bundle ?? message.bundle };
    const to = proposerOf(this.seat, round);
    const send: Letter[] = [{ to: null, message }];
    // Who is to propose needs the docket as well; the others only hear where the round is.
    if (lock !== null && to !== this.seat.ownId) send.push({ to, message: whole });
    for (const past of this.#promises.keys()) if (past < round) this.#promises.delete(past);
    return join({ ...nothing, save: this.#facts, send }, this.#promise(whole));
  }

  #promise(message: SealingMessage): Step {
    const { seat } = this;
    const { round, docketHash, locked, lock, validatorId, bundle } = message;
    if (round < this.round || round > this.round + roundsAhead) return nothing;
    if (!isSaidBy(seat, { kind: "promise", round, docketHash, locked }, message)) return nothing;
    if (locked > 0) {
      const isTrue = lock !== null && lock.round === locked - 1 && lock.docketHash === docketHash;
      if (!isTrue || locked > round || !isCertificateTrue(seat, lock)) return nothing;
    }
    this.#heard.set(validatorId, Math.max(round, this.#heard.get(validatorId) ?? 0));
    const known = this.bundleOf(docketHash);
    const isWhole = locked === 0 || bundle.length > 0 || known !== null;
    if (proposerOf(seat, round) === seat.ownId && isWhole) {
      const promises = this.#promises.get(round) ?? new Map<string, SealingMessage>();
      this.#promises.set(round, promises);
      promises.set(validatorId, { ...message, bundle: known ?? bundle });
    }
    return this.#follow();
  }

  /** So many are in a higher round that one of them is honest: go there too. */
  #follow(): Step {
    const { seat } = this;
    const others = [...this.#heard].filter(([name]) => name !== seat.ownId);
    const rounds = others.map(([, round]) => round).sort((left, right) => right - left);
    const round = rounds[seat.validators.length - seat.quorum] ?? 0;
    return round > this.round ? this.#goTo(round) : nothing;
  }

  /** An accept or a commit for what this node leads. */
  #count(message: SealingMessage): Step {
    const { seat } = this;
    const lead = this.#lead;
    if (lead === null || message.round !== lead.round || lead.round < this.round) return nothing;
    const kind = message.kind === sealingKind.accept ? "accept" : "commit";
    const { round, hash: docketHash } = lead;
    if (message.docketHash !== docketHash) return nothing;
    if (!isSaidBy(seat, { kind, round, docketHash }, message)) return nothing;
    const told = lead.count(kind, statementOf(message));
    if (told === null) return nothing;
    const send: Letter[] = [{ to: null, message: told }];
    return join({ ...nothing, send }, this.read(told));
  }

  #prepared(message: SealingMessage): Step {
    const { round, docketHash, proof: accepts, validatorId: to } = message;
    const { promised, accepted, lock } = this.#facts;
    if (round < promised || accepted?.round !== round || accepted.hash !== docketHash) {
      return nothing;
    }
    const certificate = { round, docketHash, accepts };
    if (this.#accepted === null || !isCertificateTrue(this.seat, certificate)) return nothing;
    const isNew = lock?.certificate.round !== round;
    if (isNew) this.#facts = { ...this.#facts, lock: { certificate, bundle: this.#accepted } };
    const answer = say(this.seat, { kind: "commit", round, docketHash });
    const save = isNew ? this.#facts : null;
    if (to !== this.seat.ownId) return { ...nothing, save, send: [{ to, message: answer }] };
    return join({ ...nothing, save }, this.#count(answer));
  }

  /** Decided is decided, whatever round this node is in. */
  #decided(message: SealingMessage): Step {
    const { round, docketHash, proof, validatorId: to } = message;
    const isTrue = isSaidByQuorum(this.seat, { kind: "commit", round, docketHash }, proof);
    return isTrue ? { ...nothing, sign: { hash: docketHash, to } } : nothing;
  }
}

/** Rounds ahead of ours of which promises are kept: time-outs keep the honest nearer together. */
const roundsAhead = 64;

function statementOf(message: SealingMessage): SealingStatement {
  const { validatorId, signature, locked, docketHash } = message;
  return { validatorId, signature, locked, docketHash };
}
