/**
 * What was seen lately, bounded by age and by number: the oldest is forgotten first. Forgetting is
 * harmless: what is heard of again is looked up in the store before it is fetched.
 */
export class Seen {
  readonly #atMs = new Map<string, number>();

  constructor(
    private readonly options: { countMax: number; ageMs: number; monotonicMs: () => number },
  ) {}

  get size(): number {
    return this.#atMs.size;
  }

  has(key: string): boolean {
    const atMs = this.#atMs.get(key);
    return atMs !== undefined && this.options.monotonicMs() - atMs <= this.options.ageMs;
  }

  add(key: string): void {
    const nowMs = this.options.monotonicMs();
    this.#atMs.delete(key);
    this.#atMs.set(key, nowMs);
    for (const [oldest, atMs] of this.#atMs) {
      const isOld = nowMs - atMs > this.options.ageMs;
      if (!isOld && this.#atMs.size <= this.options.countMax) return;
      this.#atMs.delete(oldest);
    }
  }
}
