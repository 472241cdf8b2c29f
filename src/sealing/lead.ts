import type { SealingMessage, SealingStatement } from "../wire/sealing-messages.ts";
import type { Letter, Step } from "./round-step.ts";
import { type Seat, say } from "./statements.ts";

/**
 * A proposer's side of its round: who accepted, who committed, who signed. Lost in a crash; then
 * the round is left for the next one.
 *
 * accepts → commits     a quorum accepted: PREPARED tells the certificate
 * commits → signatures  a quorum committed: DECIDED tells it
 * signatures → sealed   the register's threshold signed
 */
export class Lead {
  readonly round: number;
  readonly hash: string;
  readonly #said = {
    accept: new Map<string, SealingStatement>(),
    commit: new Map<string, SealingStatement>(),
  };
  readonly #signatures = new Map<string, string>();
  /** What was last told to all. */
  #told: SealingMessage;
  #phase: "accepts" | "commits" | "signatures" | "sealed" = "accepts";

  constructor(
    private readonly seat: Seat,
    private readonly proposal: {
      round: number;
      hash: string;
      bundle: Uint8Array;
      message: SealingMessage;
    },
  ) {
    this.round = proposal.round;
    this.hash = proposal.hash;
    this.#told = proposal.message;
  }

  /** What is to be told to all now that one more said so; null: nothing yet. */
  count(kind: "accept" | "commit", statement: SealingStatement): SealingMessage | null {
    const said = this.#said[kind];
    said.set(statement.validatorId, statement);
    const phase = kind === "accept" ? "accepts" : "commits";
    if (this.#phase !== phase || said.size < this.seat.quorum) return null;
    this.#phase = kind === "accept" ? "commits" : "signatures";
    const { round, hash: docketHash } = this;
    const told = kind === "accept" ? ("prepared" as const) : ("decided" as const);
    const proof = [...said.values()];
    this.#told = say(this.seat, { kind: told, round, docketHash }, { proof });
    return this.#told;
  }

  /** One more signature, found true by the caller. */
  sign(validatorId: string, signature: { hash: string; value: string }): Step["sealed"] {
    if (signature.hash !== this.hash || this.#phase !== "signatures") return null;
    this.#signatures.set(validatorId, signature.value);
    if (this.#signatures.size < this.seat.threshold) return null;
    this.#phase = "sealed";
    const { hash, bundle } = this.proposal;
    return { hash, bundle, signatures: new Map(this.#signatures) };
  }

  /** These signatures were false after all: it takes others, or better ones. */
  strike(validatorIds: readonly string[]): void {
    for (const validatorId of validatorIds) this.#signatures.delete(validatorId);
    if (this.#phase === "sealed") this.#phase = "signatures";
  }

  /** The last word again, to those who did not answer it. */
  remind(): Letter[] {
    const { seat } = this;
    const answers = {
      accepts: this.#said.accept,
      commits: this.#said.commit,
      signatures: this.#signatures,
      sealed: null,
    }[this.#phase];
    if (answers === null) return [];
    const silent = seat.validators.filter(({ validatorId }) => !answers.has(validatorId));
    const message = this.#told;
    const others = silent.filter(({ validatorId }) => validatorId !== seat.ownId);
    return others.map(({ validatorId }) => ({ to: validatorId, message }));
  }
}
