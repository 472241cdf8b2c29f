import type { Supply } from "./lane.ts";

/** In dockets. */
export interface Bounds {
  rangeMax: number;
  /** How far ahead of what is stored. */
  windowMax: number;
  /** For a source whose rate nobody knows yet, where there are others; one alone gets a range. */
  firstCount: number;
}

/**
 * A source is given as much as it brings in about this time, so that a slow one holds up little.
 * Longer roads get longer ranges: the next one is asked for a round trip before it is needed.
 */
const rangeMs = 750;
/** Less than it brings in this time is not worth a question. */
export const leastMs = 50;
/** Of what a source should be able to bring until all is here. */
const certainShare = 0.5;
/** Dockets a ms, while that is known of nobody: no bound. */
const unknownRate = 1_000;

/**
 * Dockets for a source's next range; 0 where it has its part already. A source that had nothing to
 * do is given half of a range before a whole one: so its lanes do not run dry at the same time,
 * over and over. `all`: the sources that take part; `unasked`: dockets it may have and nobody was
 * asked for.
 */
export function sizeFor(
  supply: Supply,
  given: { all: readonly Supply[]; unasked: number; nowMs: number; bounds: Bounds },
): number {
  const { rate, answerMs } = supply;
  const rangeMax = Math.ceil(given.bounds.rangeMax / (supply.isIdle ? 2 : 1));
  const part = partOf(supply, given);
  if (part === null && rate === null) return rangeMax;
  const speed = rate ?? middlingRate(given.all);
  const fitting = Math.min(speed * (rangeMs + 2 * answerMs), part ?? rangeMax);
  const least = supply.isIdle ? Math.max(1, speed * leastMs) : 0;
  const most = rate === null ? Math.min(given.bounds.firstCount, rangeMax) : rangeMax;
  return Math.min(Math.round(Math.max(fitting, least)), most);
}

/**
 * Where several share what is left: what this one may be asked for, so that none is still at it
 * when the others have nothing more to do. Rates are not that certain, hence not all of it.
 */
function partOf(
  supply: Supply,
  { all, unasked, nowMs }: { all: readonly Supply[]; unasked: number; nowMs: number },
): number | null {
  if (all.length < 2) return null;
  const middling = middlingRate(all);
  const left = all.reduce((sum, other) => sum + other.left, unasked);
  const speeds = all.reduce((sum, other) => sum + other.speedAt(nowMs, middling), 0);
  return (left / speeds) * (supply.rate ?? middling) * certainShare - supply.left;
}

/** Dockets a ms of those whose rate is known. */
export function middlingRate(all: readonly Supply[]): number {
  const rates = all.flatMap(({ rate }) => rate ?? []);
  if (rates.length === 0) return unknownRate;
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}
