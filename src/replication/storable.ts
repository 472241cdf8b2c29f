import { childOf } from "../base/signal.ts";
import type { LoopOptions, LoopView } from "./loop-options.ts";

/**
 * Waits while nothing that is pulled could be kept, and says why in what an operator sees. No
 * source is asked meanwhile, and none is to blame. False when the signal aborted.
 */
export async function untilStorable(
  options: Pick<LoopOptions, "whenStorable" | "storeTrouble" | "clock" | "onChange">,
  run: { view: LoopView; signal: AbortSignal },
): Promise<boolean> {
  const { view, signal } = run;
  while (!signal.aborted) {
    const trouble = options.storeTrouble();
    if (trouble === null) return true;
    Object.assign(view, { errorCode: trouble.code, errorMessage: trouble.message });
    options.onChange();
    const waiting = childOf(signal);
    const nap = options.clock.sleep(lookMs, waiting.signal).catch(() => undefined);
    await Promise.race([options.whenStorable(), nap]);
    waiting.abort();
    waiting.dispose();
  }
  return false;
}

/** What is said of the trouble is renewed this often. */
const lookMs = 5_000;
