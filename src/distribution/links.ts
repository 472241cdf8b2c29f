import { pickSome } from "../base/prng.ts";

/**
 * To whom the news of a register goes at once (eager), and who only hears of them in batches
 * (lazy). A link that told something new is eager, one that told what was known is lazy, and chance
 * fills what is missing up to the fan-out: so the quick roads are found, and found again when they
 * break. A value.
 */
export class Links {
  readonly #eager = new Map<string, Set<string>>();

  constructor(private readonly options: { fanout: number; dice: () => number }) {}

  /** Of those that hold the register now, the eager ones: as many as the fan-out, or all. */
  eagerOf(registerId: string, holders: readonly string[]): string[] {
    const eager = this.#of(registerId);
    const present = new Set(holders);
    for (const peerId of eager) if (!present.has(peerId)) eager.delete(peerId);
    const missing = this.options.fanout - eager.size;
    if (missing > 0) {
      const others = holders.filter((peerId) => !eager.has(peerId));
      for (const peerId of pickSome(others, missing, this.options.dice)) eager.add(peerId);
    }
    return [...eager];
  }

  /** Some of the others, by chance. */
  lazyOf(registerId: string, holders: readonly string[], count: number): string[] {
    const eager = this.#of(registerId);
    const others = holders.filter((peerId) => !eager.has(peerId));
    return pickSome(others, count, this.options.dice);
  }

  becomeLazy(registerId: string, peerId: string): void {
    this.#of(registerId).delete(peerId);
  }

  /** It lacked what we had: it hears at once from now on, in the place of another. */
  becomeEager(registerId: string, peerId: string): void {
    const eager = this.#of(registerId);
    eager.add(peerId);
    if (eager.size <= this.options.fanout) return;
    for (const oldest of eager) {
      eager.delete(oldest);
      break;
    }
  }

  forget(registerId: string): void {
    this.#eager.delete(registerId);
  }

  #of(registerId: string): Set<string> {
    const eager = this.#eager.get(registerId) ?? new Set<string>();
    this.#eager.set(registerId, eager);
    return eager;
  }
}
