/**
 * So many a second, evenly: each taker is told how long to wait for its turn, and turns are given
 * in the order asked for. Whoever comes while nobody waits goes at once, however much it takes; the
 * next waits for it. That is a token bucket as deep as one taker, which needs neither queue nor
 * timer and is fair among takers that each ask for one thing at a time.
 */
export class Pace {
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(readonly perSecond: number) {}

  /** Milliseconds until the turn of these; the turn is taken. */
  take(amount: number, nowMs: number): number {
    const turnMs = Math.max(this.#freeMs, nowMs);
    this.#freeMs = turnMs + (amount * 1_000) / this.perSecond;
    return turnMs - nowMs;
  }
}
