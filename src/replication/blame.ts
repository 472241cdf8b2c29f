import type { Refusal, RefusalCode } from "../dockets/types.ts";

/** A source's false docket, still open or decided. */
export interface Charge {
  peerId: string;
  refusal: Refusal;
}

/**
 * lie      the source alone can have made it: blame it now
 * suspect  the source or the register's validators: what other sources serve will tell
 * nobody   honest peers cause it too: a missing body, a clock that is off
 */
export type Verdict = "lie" | "suspect" | "nobody";

const verdicts: Record<RefusalCode, Verdict> = {
  size: "lie",
  json: "lie",
  schema: "lie",
  register: "lie",
  number: "lie",
  duplicate: "lie",
  "payload-hash": "lie",
  merkle: "lie",
  "docket-hash": "lie",
  seal: "lie",
  // A relay need not have verified these; a pinned genesis may be pinned wrongly.
  link: "suspect",
  "tx-signature": "suspect",
  genesis: "suspect",
  count: "nobody",
  time: "nobody",
};

/**
 * Whom to blame for a refused docket. What only the source can have made is its lie. For the rest
 * the sources are compared: once another one has served a docket there that was stored, those who
 * served a different one lied; while all serve the same, it is the validators' doing. A value;
 * pure.
 */
export class Blame {
  #open: Charge[] = [];

  refused(charge: Charge): Verdict {
    const verdict = verdicts[charge.refusal.code];
    if (verdict === "suspect") this.#open = [...this.#without(charge), charge].slice(-chargesMax);
    return verdict;
  }

  /** Dockets up to this one are stored. Gives the charges that are thereby proven. */
  stored(number: number, servedBy: string): Charge[] {
    const isProven = ({ peerId, refusal }: Charge) =>
      peerId !== servedBy && (refusal.docketNumber ?? 0) <= number;
    const proven = this.#open.filter(isProven);
    this.#open = this.#open.filter((charge) => (charge.refusal.docketNumber ?? 0) > number);
    return proven;
  }

  /** How many sources serve what is refused in this way. */
  agreeing(refusal: Refusal): number {
    return this.#open.filter((charge) => isSame(charge.refusal, refusal)).length;
  }

  #without(charge: Charge): Charge[] {
    return this.#open.filter(
      (open) => open.peerId !== charge.peerId || !isSame(open.refusal, charge.refusal),
    );
  }
}

/** Open charges of one register; the oldest are dropped. */
const chargesMax = 64;

function isSame(left: Refusal, right: Refusal): boolean {
  return left.code === right.code && left.docketNumber === right.docketNumber;
}
