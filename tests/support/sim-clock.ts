import { abortError } from "../../src/base/signal.ts";
import type { Clock } from "../../src/runtime/clock.ts";

/** Time that passes only when everybody waits for it: hours in a moment, and the same each run. */
export class SimClock implements Clock {
  #nowMs = 0;
  #sleepers: { atMs: number; wake: () => void }[] = [];

  nowMs(): number {
    return Date.UTC(2026, 0, 1) + Math.floor(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const sleeper = { atMs: this.#nowMs + Math.max(0, ms), wake: () => {} };
      const leave = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
      };
      const onAbort = () => {
        leave();
        reject(abortError(signal as AbortSignal));
      };
      sleeper.wake = () => {
        leave();
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Lets time pass until the work is done; fails when it would never be, or takes too long. */
  async passUntil<T>(work: Promise<T>, options: { withinMs: number }): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    done.catch(() => undefined);
    for (;;) {
      await settle();
      if (isDone) return done;
      const next = this.#sleepers.reduce<{ atMs: number; wake: () => void } | null>(
        (first, one) => (first === null || one.atMs < first.atMs ? one : first),
        null,
      );
      if (next === null) throw new Error("Everybody waits, and for nothing");
      if (next.atMs > options.withinMs) throw new Error(`Not done within ${options.withinMs} ms`);
      this.#nowMs = next.atMs;
      next.wake();
    }
  }
}

/** Everything that can go on without time passing has gone on. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
