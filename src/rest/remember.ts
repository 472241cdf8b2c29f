import type { Clock } from "../runtime/clock.ts";

/** What is made anew takes at most this share of the time. */
const share = 1 / 20;

/**
 * The function's last result for `keepMs`, or longer where making it takes long: whoever asks all
 * the time gets a slightly old answer, and never the whole processor.
 */
export function rememberBriefly<T>(
  make: () => T,
  options: { keepMs: number; clock: Clock },
): () => T {
  const { keepMs, clock } = options;
  let kept: { value: T; untilMs: number } | null = null;
  return () => {
    const startMs = clock.monotonicMs();
    if (kept !== null && startMs < kept.untilMs) return kept.value;
    const value = make();
    const endMs = clock.monotonicMs();
    kept = { value, untilMs: endMs + Math.max(keepMs, (endMs - startMs) / share) };
    return value;
  };
}
