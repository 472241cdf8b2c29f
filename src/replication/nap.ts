import type { Bell } from "../base/bell.ts";
import { childOf } from "../base/signal.ts";
import type { Clock } from "../runtime/clock.ts";

/** A rest that can be cut short; a wake while nobody rests cuts the next one. */
export class Nap {
  #isWoken = false;
  #wake = () => {};

  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async rest(ms: number, options: { clock: Clock; signal: AbortSignal }): Promise<void> {
    const nap = childOf(options.signal);
    this.#wake = () => nap.abort();
    if (!this.#isWoken) await options.clock.sleep(ms, nap.signal).catch(() => undefined);
    nap.dispose();
    this.#wake = () => {};
    this.#isWoken = false;
  }
}

/** Waits until it rings, at most for a time. */
export async function rungWithin(
  bell: Bell,
  options: { ms: number; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const waiting = childOf(options.signal);
  const nap = options.clock.sleep(options.ms, waiting.signal).catch(() => undefined);
  await Promise.race([bell.rung, nap]);
  waiting.abort();
  waiting.dispose();
}
