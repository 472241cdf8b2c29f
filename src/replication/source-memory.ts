import { backoffMs } from "../base/backoff.ts";
import type { Source } from "../peers/adverts.ts";

/**
 * unreachable  it was not there, or too slow; news of it ends the wait
 * refused      it said honestly that it can't serve us for now
 * suspect      it served something that is not true, and may not be the one to blame
 * lied         it served something false
 */
export type ExclusionReason = "unreachable" | "refused" | "suspect" | "lied";

interface Exclusion {
  reason: ExclusionReason;
  failures: number;
  /** Monotonic ms. */
  untilMs: number;
}

/** A source that lied is left alone much longer than one that was only not there. */
const steps: Record<ExclusionReason, { firstMs: number; longestMs: number }> = {
  unreachable: { firstMs: 200, longestMs: 30_000 },
  refused: { firstMs: 500, longestMs: 30_000 },
  suspect: { firstMs: 5_000, longestMs: 60_000 },
  lied: { firstMs: 60_000, longestMs: 600_000 },
};

/** What one register's loop remembers of its sources: who is left alone, and for how long. */
export class SourceMemory {
  readonly #excluded = new Map<string, Exclusion>();

  constructor(private readonly options: { monotonicMs: () => number; dice: () => number }) {}

  /** Gives for how long, ms. */
  exclude(peerId: string, reason: ExclusionReason, waitAtLeastMs = 0): number {
    const known = this.#excluded.get(peerId);
    const failures = known?.reason === reason ? known.failures + 1 : 1;
    const waitMs = backoffMs(failures - 1, { ...steps[reason], dice: this.options.dice });
    const restMs = Math.max(waitMs, waitAtLeastMs);
    const untilMs = this.options.monotonicMs() + restMs;
    this.#excluded.set(peerId, { reason, failures, untilMs });
    return Math.round(restMs);
  }

  /** It served something that was stored. */
  absolve(peerId: string): void {
    if (this.#excluded.get(peerId)?.reason !== "lied") this.#excluded.delete(peerId);
  }

  /**
   * News from outside: those that were only not there, or not ready, may be asked again at once.
   */
  forgive(): void {
    for (const [peerId, { reason }] of this.#excluded) {
      if (reason === "unreachable" || reason === "refused") this.#excluded.delete(peerId);
    }
  }

  /** Sources that may be asked now, in the order given. */
  free(sources: readonly Source[]): Source[] {
    const nowMs = this.options.monotonicMs();
    return sources.filter(({ peerId }) => (this.#excluded.get(peerId)?.untilMs ?? 0) <= nowMs);
  }

  /** When the next of these sources may be asked again, monotonic ms; null: none is waiting. */
  nextFreeMs(sources: readonly Source[]): number | null {
    const waits = sources.flatMap(({ peerId }) => this.#excluded.get(peerId)?.untilMs ?? []);
    return waits.length === 0 ? null : Math.min(...waits);
  }
}
