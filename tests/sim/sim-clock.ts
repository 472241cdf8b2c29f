import { abortError } from "../../src/base/signal.ts";
import type { Clock } from "../../src/runtime/clock.ts";

/**
 * Time that passes only when it is told to. Whoever sleeps is woken in the order of the times, so
 * that a run is the same for a seed, and an hour takes as long as what happens in it.
 */
export class SimClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #sleepers: { atMs: number; wake: () => void }[] = [];

  nowMs = (): number => Math.floor(this.#nowMs);
  monotonicMs = (): number => this.#nowMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const sleeper = {
        atMs: this.#nowMs + ms,
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(abortError(signal as AbortSignal));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push(sleeper);
    });

  /** Lets `ms` pass, or less when what is waited for comes before; gives how much passed. */
  async pass(ms: number, isOver: () => boolean = () => false): Promise<number> {
    const startMs = this.#nowMs;
    const endMs = startMs + ms;
    await settled();
    while (!isOver()) {
      const nextMs = Math.min(...this.#sleepers.map((sleeper) => sleeper.atMs));
      if (nextMs > endMs) {
        this.#nowMs = endMs;
        break;
      }
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      const due = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.#nowMs);
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.#nowMs);
      for (const sleeper of due) sleeper.wake();
      await settled();
    }
    return this.#nowMs - startMs;
  }
}

/** Everything that can go on without time passing has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
