/**
 * Who proposes a session collects what all say in each phase and shows it to everybody. Owns what
 * was said and by whom; it knows no secret, and what it shows is signed by those who said it. Pure,
 * as `Member` is; the node that proposes runs one of each.
 */
import { hexOf, isEqual } from "../../base/bytes.ts";
import { limits } from "../../runtime/limits.ts";
import { checkSaid, checkSession, type PhaseName, phases, speakersOf } from "./board.ts";
import { type Participant, type Proposal, readProposal } from "./proposal.ts";
import {
  type Body,
  nextHash,
  type Outgoing,
  refusal,
  type Said,
  type Speaker,
  say,
} from "./signed.ts";
import type { Fault } from "./verdict.ts";

/**
 * roster → deals → responses → justifications → certificate → certified
 *   each when all have spoken who are to, or the time is over and enough have
 * any    → failed   too few have
 */
export type CollectorState = PhaseName | "certified" | "failed";

const order: readonly CollectorState[] = [
  "roster",
  "deals",
  "responses",
  "justifications",
  "certificate",
  "certified",
];

export class Collector {
  readonly proposal: Proposal;
  #state: CollectorState = "roster";
  #failure: { code: string; message: string } | null = null;
  #hash: Uint8Array;
  #said = new Map<string, Said>();
  #roster: ReadonlySet<string> = new Set();
  /** Dealers that somebody complained of: who is to justify. */
  #accused: ReadonlySet<string> = new Set();
  readonly #declines = new Map<string, string>();
  readonly #faults = new Map<string, string>();
  readonly #proposed: Said;

  constructor(
    private readonly me: Speaker,
    body: NonNullable<Body["proposal"]>,
    session: { registerId: string; epoch: number; nonce: string },
  ) {
    const place = { proposal: session, me, previousHash: new Uint8Array(0) };
    this.#proposed = say({ proposal: body }, place);
    this.proposal = readProposal(this.#proposed);
    this.#hash = this.proposal.hash;
  }

  get state(): CollectorState {
    return this.#state;
  }

  get failure(): { code: string; message: string } | null {
    return this.#failure;
  }

  get isOver(): boolean {
    return this.#state === "certified" || this.#state === "failed";
  }

  get waitMs(): number {
    return limits.keyPhaseMs;
  }

  /** Who is to speak in this phase and hasn't. */
  get awaited(): string[] {
    return this.#expected()
      .map((one) => one.validatorId)
      .filter((id) => !this.#said.has(id) && !this.#declines.has(id));
  }

  /** Who was silent, declined, or said two things. */
  get faults(): Fault[] {
    return [...this.#declines, ...this.#faults].map(([validatorId, code]) => ({
      validatorId,
      code,
    }));
  }

  begin(): Outgoing[] {
    return this.#toAll(this.#proposed, this.proposal.participants);
  }

  /** Throws a `PeerError` for a message that has no place here. */
  take(said: Said): Outgoing[] {
    const { proposal } = this;
    const { senderValidatorId: id, body } = said.message;
    checkSession(said, proposal);
    if (this.isOver) throw refusal("out-of-order", "The session is over");
    const speaker = this.#expected().find((one) => one.validatorId === id);
    if (speaker === undefined) throw refusal("not-asked", `Nothing is asked of ${id} here`);
    const isDecline = this.#state === "roster" && body === "decline";
    const kind = isDecline ? "decline" : phases[this.#state as PhaseName].body;
    checkSaid(said, { proposal, previous: this.#hash, speaker, body: kind });
    const before = this.#said.get(id);
    if (isDecline) {
      this.#declines.set(id, said.message.decline?.code.slice(0, 64) ?? "declined");
    } else if (before === undefined) {
      this.#said.set(id, said);
    } else if (!isEqual(before.signed.content, said.signed.content)) {
      this.#faults.set(id, "said-two-things");
    }
    return this.awaited.length === 0 ? this.#advance() : [];
  }

  /** The phase's time is over: on with those who spoke, if they are enough. */
  expire(): Outgoing[] {
    if (this.isOver) return [];
    for (const id of this.awaited) this.#faults.set(id, "silent");
    return this.#advance();
  }

  /** Ends the session for everybody. */
  abort(code: string, message: string): Outgoing[] {
    if (this.isOver) return [];
    this.#state = "failed";
    this.#failure = { code, message };
    const { proposal, me } = this;
    const said = say({ abort: { code, message } }, { proposal, me, previousHash: proposal.hash });
    return this.#toAll(said, proposal.participants);
  }

  #advance(): Outgoing[] {
    const phase = this.#state as PhaseName;
    if (!this.#areEnough(phase)) {
      const silent = this.faults.map((fault) => `${fault.validatorId} (${fault.code})`).join(", ");
      return this.abort("too-few", `Too few took part in the phase ${phase}; not: ${silent}`);
    }
    const { proposal, me } = this;
    if (phase === "roster") this.#roster = new Set(this.#said.keys());
    if (phase === "responses") this.#accused = accusedIn(this.#said.values());
    const entries = speakersOf(proposal, { phase, roster: this.#roster }).flatMap((speaker) => {
      const said = this.#said.get(speaker.validatorId);
      return said === undefined ? [] : [said];
    });
    const board = { phase: phases[phase].number, entries: entries.map((said) => said.signed) };
    const shown = say({ board }, { proposal, me, previousHash: this.#hash });
    this.#hash = nextHash(this.#hash, phases[phase].number, entries);
    this.#state = order[order.indexOf(phase) + 1] as CollectorState;
    this.#said = new Map();
    const present = proposal.participants.filter((one) => this.#roster.has(one.validatorId));
    const sent = this.#toAll(shown, present);
    const isOver = (this.#state as CollectorState) === "certified";
    return isOver || this.awaited.length > 0 ? sent : [...sent, ...this.#advance()];
  }

  #areEnough(phase: PhaseName): boolean {
    const { members, dealers, threshold, dealersNeeded } = this.proposal;
    const count = (all: readonly Participant[]) =>
      all.filter((one) => this.#said.has(one.validatorId)).length;
    if (phase === "roster") return count(members) >= threshold && count(dealers) >= dealersNeeded;
    if (phase === "deals") return count(dealers) >= dealersNeeded;
    if (phase === "certificate") return this.#agreeing() >= threshold;
    return true;
  }

  /** How many confirmed the same, where most did. */
  #agreeing(): number {
    const counts = new Map<string, number>();
    for (const { message } of this.#said.values()) {
      const key = hexOf(message.confirmation?.resultHash ?? new Uint8Array(0));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return Math.max(0, ...counts.values());
  }

  #expected(): readonly Participant[] {
    if (this.isOver) return [];
    const phase = this.#state as PhaseName;
    const speakers = speakersOf(this.proposal, { phase, roster: this.#roster });
    if (phase !== "justifications") return speakers;
    return speakers.filter((one) => this.#accused.has(one.validatorId));
  }

  #toAll(said: Said, participants: readonly Participant[]): Outgoing[] {
    return participants.map(({ validatorId: to }) => ({ to, kind: "said", said }));
  }
}

function accusedIn(responses: Iterable<Said>): ReadonlySet<string> {
  return new Set([...responses].flatMap((said) => said.message.response?.complaints ?? []));
}
