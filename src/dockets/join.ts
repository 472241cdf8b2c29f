import { isSamePolicy } from "./policy.ts";
import type {
  Anchor,
  CheckedPage,
  DocketFacts,
  Outcome,
  RefusalCode,
  VerifiedPage,
  VerifiedStart,
} from "./types.ts";

/**
 * Fits a checked page on what is stored. The only way to a `VerifiedPage`, and a `VerifiedPage` is
 * the only thing that can be stored. Call `isPolicyCurrent` first and verify again under the
 * anchor's policy where it says no: a policy may have changed while the page was checked.
 */
export function joinPage(anchor: Anchor, page: CheckedPage): Outcome<VerifiedPage> {
  if (page.registerId !== anchor.registerId) {
    return refused("register", { message: "The page belongs to another register", docket: null });
  }
  let before = placeOf(anchor);
  for (const docket of page.dockets) {
    const problem = problemBetween(before, docket);
    if (problem !== null) return refused(problem, { message: problems[problem], docket });
    before = docket;
  }
  if (!isPolicyCurrent(anchor, page)) {
    const message = "The page was checked under a policy that is not in force here";
    return refused("seal", { message, docket: page.dockets[0] ?? null });
  }
  return { ok: true, value: { anchor, page, next: anchorAfter(page) } as VerifiedPage };
}

/** Whether the page's seals were checked under the policy that is in force at the anchor. */
export function isPolicyCurrent(anchor: Anchor, page: CheckedPage): boolean {
  return isSamePolicy(anchor.policy, page.policyBefore);
}

/** Where the chain stands after a page. */
export function anchorAfter(page: CheckedPage): Anchor {
  const last = page.dockets[page.dockets.length - 1] as DocketFacts;
  return {
    registerId: page.registerId,
    nextNumber: last.number + 1,
    previousHash: last.hash,
    previousTimeMs: last.timeMs,
    policy: page.policyAfter,
  };
}

/**
 * The beginning for a follower without the past: `policyChain` was checked with `isPolicyChain`
 * from docket 0 on, `head` under the policy that the chain ends with; `head` is null when the
 * chain's last docket is the newest. A source that withholds the newest policy change can still
 * show a head that the old validators sealed: whoever starts so believes the source in this one
 * thing, until the next docket under the new policy is refused.
 */
export function startAt(
  policyChain: CheckedPage,
  head: CheckedPage | null,
): Outcome<VerifiedStart> {
  const genesis = policyChain.dockets[0];
  if (genesis?.number !== 0 || policyChain.policyBefore !== null) {
    const message = "A policy chain begins with the genesis docket";
    return refused("number", { message, docket: genesis ?? null });
  }
  const next = anchorAfter(head ?? policyChain);
  const start = { policyChain, head, next } as VerifiedStart;
  if (head === null) return { ok: true, value: start };
  if (head.registerId !== policyChain.registerId) {
    return refused("register", { message: "The page belongs to another register", docket: null });
  }
  const anchor = anchorAfter(policyChain);
  if (!isPolicyCurrent(anchor, head)) {
    const message = "The page was checked under another policy than its policy chain ends with";
    return refused("seal", { message, docket: head.dockets[0] ?? null });
  }
  const first = head.dockets[0] as DocketFacts;
  // Between the last policy change and the head there is a gap, unless they are neighbours.
  const isGap = first.number > anchor.nextNumber;
  const past = placeOf(anchor);
  const before = isGap ? { ...past, number: first.number - 1, hash: first.previousHash } : past;
  const problem = problemBetween(before, first);
  if (problem !== null) return refused(problem, { message: problems[problem], docket: first });
  return { ok: true, value: start };
}

type Place = Pick<DocketFacts, "number" | "hash" | "timeMs">;

function placeOf(anchor: Anchor): Place {
  const { nextNumber, previousHash, previousTimeMs } = anchor;
  return { number: nextNumber - 1, hash: previousHash, timeMs: previousTimeMs };
}

const problems = {
  number: "The docket is not the next one",
  link: "The docket does not name the hash of the docket before it",
  time: "The docket is older than the one before it",
};

function problemBetween(before: Place, docket: DocketFacts): keyof typeof problems | null {
  if (docket.number !== before.number + 1) return "number";
  if (docket.previousHash !== before.hash) return "link";
  return docket.timeMs < before.timeMs ? "time" : null;
}

function refused(
  code: RefusalCode,
  facts: { message: string; docket: DocketFacts | null },
): Outcome<never> {
  const { message, docket } = facts;
  return { ok: false, refusal: { code, message, docketNumber: docket?.number ?? null } };
}
