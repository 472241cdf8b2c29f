/** What benchmarks make of their measurements. */
export interface Quantiles {
  p50: number;
  p99: number;
  max: number;
}

export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99), max: Number((sorted.at(-1) ?? 0).toFixed(2)) };
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The distance of the extremes, of the median, in percent. */
export function spreadOf(values: readonly number[]): number {
  const distance = Math.max(...values) - Math.min(...values);
  return Math.round((distance / medianOf(values)) * 100);
}

/** Seconds since this call. */
export function stopwatch(): () => number {
  const startMs = performance.now();
  return () => (performance.now() - startMs) / 1_000;
}
