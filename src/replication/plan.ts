import type { Source } from "../peers/adverts.ts";

/** Why a source is left alone for a while. */
export interface Exclusion {
  reason: "unreachable" | "refused";
  failures: number;
  /** Monotonic ms. */
  untilMs: number;
}

/**
 * The source to ask next: the best one whose exclusion is over. Pure; `sources` come best first.
 * Null when there is none.
 */
export function chooseSource(
  sources: readonly Source[],
  options: { excluded: ReadonlyMap<string, Exclusion>; nowMs: number },
): Source | null {
  const isFree = (source: Source) =>
    (options.excluded.get(source.peerId)?.untilMs ?? 0) <= options.nowMs;
  return sources.find(isFree) ?? null;
}
