import { abortError } from "../base/signal.ts";

/**
 * Time, as the rest of the program sees it: passed in as a value, so that simulations and tests can
 * bring their own. Only this file asks the machine what time it is.
 */
export interface Clock {
  /** Wall clock, unix ms. For documents and displays; it may jump. */
  nowMs(): number;
  /** Monotonic ms from an arbitrary start. For durations and deadlines. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with an `AbortError` as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep,
};

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortError(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Calls `tick` every `periodMs`, one call at a time: a slow tick delays the next instead of
 * overlapping it. `now` asks for a tick at once, or for one more after the one that is running;
 * `stop` waits for a running tick.
 */
export function every(
  periodMs: number,
  options: { clock: Clock; tick: (signal: AbortSignal) => Promise<void> },
): { stop: () => Promise<void>; now: () => void } {
  const stopping = new AbortController();
  let isHurried = false;
  let hurry = () => {};
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const nap = new AbortController();
      hurry = () => nap.abort();
      stopping.signal.addEventListener("abort", hurry, { once: true });
      if (!isHurried) await options.clock.sleep(periodMs, nap.signal).catch(() => undefined);
      stopping.signal.removeEventListener("abort", hurry);
      isHurried = false;
      if (!stopping.signal.aborted) await options.tick(stopping.signal);
    }
  })();
  return {
    now: () => {
      isHurried = true;
      hurry();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
