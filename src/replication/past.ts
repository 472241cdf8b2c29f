import { PeerError } from "../base/error.ts";
import { joinBefore } from "../dockets/join-before.ts";
import { isSamePolicy } from "../dockets/policy.ts";
import type { CheckedPage, Outcome, PastPlace, Policy, VerifiedPast } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import type { Range } from "./plan.ts";
import type { PulledPage } from "./pull.ts";

export interface PastOptions {
  pullRange: (source: Source, range: Range & { signal: AbortSignal }) => AsyncIterable<PulledPage>;
  check: (page: PulledPage, policy: Policy | null) => Promise<Outcome<CheckedPage>>;
  signal: AbortSignal;
}

/** A run of dockets from `from` on, up to what it must fit on. `place.policy` holds at `from`. */
export interface PastRun {
  from: number;
  place: PastPlace;
  /** Nothing stands behind the run that could demand a hash: the docket before it and seals do. */
  isOpen?: boolean;
}

/**
 * Brings a bounded run from one source, the newest part of it first: each part ends with the docket
 * whose hash the dockets behind it demand, so that a source can only give what is true. Throws what
 * the pull throws, and `ended-early` when the source has less than it was asked for.
 */
export async function pullPast(
  source: Source,
  run: PastRun,
  options: PastOptions,
): Promise<Outcome<VerifiedPast[]>> {
  const range = { from: run.from, end: run.place.nextNumber };
  return provePast(await pullAll(source, range, options), run, options);
}

/** What is true of a pulled run, the newest part first. */
export async function provePast(
  pages: readonly PulledPage[],
  run: PastRun,
  options: Pick<PastOptions, "check">,
): Promise<Outcome<VerifiedPast[]>> {
  const checked: CheckedPage[] = [];
  let { policy } = run.place;
  // Nothing can be judged before the genesis docket has said whom to believe.
  const guess = policy;
  const early = pages.map((page) =>
    guess === null && page.nextNumber > 0 ? null : options.check(page, guess),
  );
  const settled = await Promise.all(early);
  for (const [index, page] of pages.entries()) {
    let outcome = settled[index] ?? (await options.check(page, policy));
    // A page before it changed the policy.
    const isStale = outcome.ok && !isSamePolicy(outcome.value.policyBefore, policy);
    if (isStale || (!outcome.ok && index > 0)) outcome = await options.check(page, policy);
    if (!outcome.ok) return outcome;
    checked.push(outcome.value);
    policy = outcome.value.policyAfter;
  }
  const last = checked.at(-1)?.dockets.at(-1);
  const isOpen = run.isOpen === true && run.place.hashBefore !== null && last !== undefined;
  return joinDown(checked, isOpen ? { ...run.place, previousHash: last.hash } : run.place);
}

/** Fits the pages one before the other, from the last to the first. */
export function joinDown(pages: readonly CheckedPage[], place: PastPlace): Outcome<VerifiedPast[]> {
  const joined: VerifiedPast[] = [];
  let behind = place;
  for (const [index, page] of [...pages.entries()].reverse()) {
    const hashBefore = index === 0 ? place.hashBefore : null;
    const outcome = joinBefore({ ...behind, hashBefore, policy: page.policyBefore }, page);
    if (!outcome.ok) return outcome;
    joined.push(outcome.value);
    behind = placeBefore(page, place);
  }
  return { ok: true, value: joined };
}

/** What must fit on the page's first docket. */
export function placeBefore(page: CheckedPage, place: PastPlace): PastPlace {
  const first = page.dockets[0];
  if (first === undefined) return place;
  const { number: nextNumber, previousHash, timeMs } = first;
  return { ...place, nextNumber, previousHash, timeMs };
}

/** The dockets from `from` to the one before `end`, as they come. Throws where some are missing. */
export async function pullAll(
  source: Source,
  run: { from: number; end: number },
  options: Pick<PastOptions, "pullRange" | "signal">,
): Promise<PulledPage[]> {
  const { end } = run;
  const pages: PulledPage[] = [];
  // A source may close a range at its own bound of bytes.
  for (let next = run.from; next < end; ) {
    const before = next;
    const range = { from: next, count: end - next, signal: options.signal };
    for await (const page of options.pullRange(source, range)) {
      if (page.docketCount === 0) break;
      pages.push(page);
      next += page.docketCount;
    }
    if (next === before) throw endedEarly(source, { next, end });
  }
  return pages;
}

function endedEarly(source: Source, at: { next: number; end: number }): PeerError {
  return new PeerError("network", "ended-early", {
    message: `Peer ${source.peerId} ended before docket ${at.next} of a run up to ${at.end - 1}`,
  });
}
