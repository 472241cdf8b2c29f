/**
 * The wait before attempt `attempt` (0 = first retry), in ms: it doubles from `firstMs` up to
 * `longestMs`, with up to half of it taken off by chance so that many waiters do not march in step.
 * `dice` gives numbers in [0, 1).
 */
export function backoffMs(
  attempt: number,
  options: { firstMs: number; longestMs: number; dice: () => number },
): number {
  const full = Math.min(options.longestMs, options.firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(full * (1 - options.dice() / 2));
}
