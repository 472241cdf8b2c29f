import { isSamePolicy } from "./policy.ts";
import type {
  CheckedPage,
  DocketFacts,
  Outcome,
  PastPlace,
  RefusalCode,
  VerifiedPast,
} from "./types.ts";

/**
 * Fits a checked page before dockets that are held: history that comes from the newest to the
 * oldest, and dockets that are repaired. What stands behind it names the hash of its last docket,
 * so nothing but the true dockets fit; that they follow each other inside the page was checked with
 * it. The only way to a `VerifiedPast`.
 */
export function joinBefore(place: PastPlace, page: CheckedPage): Outcome<VerifiedPast> {
  const first = page.dockets[0] as DocketFacts;
  const last = page.dockets[page.dockets.length - 1] as DocketFacts;
  if (page.registerId !== place.registerId) {
    return refused("register", { message: "The page belongs to another register", docket: first });
  }
  if (last.number !== place.nextNumber - 1) {
    const message = `The page ends with docket ${last.number}, not before ${place.nextNumber}`;
    return refused("number", { message, docket: last });
  }
  if (last.hash !== place.previousHash) {
    const message = "The docket does not have the hash that the docket behind it names";
    return refused("link", { message, docket: last });
  }
  if (place.hashBefore !== null && first.previousHash !== place.hashBefore) {
    const message = "The docket does not name the hash of the docket before it";
    return refused("link", { message, docket: first });
  }
  if (place.timeMs !== null && last.timeMs > place.timeMs) {
    return refused("time", { message: "The docket is newer than the one behind it", docket: last });
  }
  if (!isSamePolicy(place.policy, page.policyBefore)) {
    const message = "The page was checked under a policy that is not in force there";
    return refused("seal", { message, docket: first });
  }
  return { ok: true, value: { place, page } as VerifiedPast };
}

function refused(
  code: RefusalCode,
  facts: { message: string; docket: DocketFacts },
): Outcome<never> {
  const { message, docket } = facts;
  return { ok: false, refusal: { code, message, docketNumber: docket.number } };
}
