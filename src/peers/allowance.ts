/**
 * How often something may happen, by name: a bucket of `burst` that fills by `perSecond`. Bounded:
 * of many names the ones longest unused are forgotten, which gives them a full bucket again.
 */
export class Allowance {
  readonly #left = new Map<string, { tokens: number; atMs: number }>();

  constructor(
    private readonly options: {
      perSecond: number;
      burst: number;
      namesMax: number;
      monotonicMs: () => number;
    },
  ) {}

  /** Takes one, or says no. */
  take(name: string): boolean {
    const { perSecond, burst, namesMax } = this.options;
    const nowMs = this.options.monotonicMs();
    const known = this.#left.get(name);
    const grown = known === undefined ? 0 : ((nowMs - known.atMs) / 1_000) * perSecond;
    const tokens = known === undefined ? burst : Math.min(burst, known.tokens + grown);
    this.#left.delete(name);
    this.#left.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    if (this.#left.size > namesMax) {
      for (const oldest of this.#left.keys()) {
        this.#left.delete(oldest);
        break;
      }
    }
    return tokens >= 1;
  }

  get size(): number {
    return this.#left.size;
  }
}
