import { LRUCache } from "lru-cache";
import { encodeBundle } from "../dockets/bundle.ts";
import { type PayloadFacts, payloadFacts } from "../dockets/envelope.ts";
import { limits } from "../runtime/limits.ts";
import { bundleOf, transactionOf } from "./documents.ts";

/** Which transactions a follower wants; an empty list leaves nothing out. */
export interface Filters {
  transactionTypes: readonly string[];
  /** Senders or recipients. */
  participantIds: readonly string[];
}

/** Whether the filters let everything through. */
export function isUnfiltered(filters: Filters): boolean {
  return filters.transactionTypes.length === 0 && filters.participantIds.length === 0;
}

/**
 * A transaction is wanted whose type is one of those, and whose sender or one of whose recipients
 * is one of those: both as its payload says, which its hash binds. What says nothing is no match.
 */
export function isWanted(facts: PayloadFacts, filters: Filters): boolean {
  const { transactionTypes: types, participantIds } = filters;
  const isType = types.length === 0 || (facts.type !== null && types.includes(facts.type));
  if (!isType || participantIds.length === 0) return isType;
  return participantIds.some((id) => id === facts.sender || facts.recipients.includes(id));
}

/** The bundle with the bodies that are wanted, and with those that may change the policy. */
export function filterBundle(bundle: Uint8Array, filters: Filters): Uint8Array {
  const facts = factsOf(bundle);
  const isLeftIn = (one: PayloadFacts) => one.type === "Control" || isWanted(one, filters);
  if (facts.every(isLeftIn)) return bundle;
  const { docketData, transactionData } = bundleOf(bundle);
  const wanted = transactionData.filter((_, position) => {
    const one = facts[position];
    return one !== undefined && isLeftIn(one);
  });
  return encodeBundle({ docketData, transactionData: wanted });
}

/** What each transaction of a bundle says of itself, read once for all followers of the bundle. */
export function factsOf(bundle: Uint8Array): readonly PayloadFacts[] {
  const known = read.get(bundle);
  if (known !== undefined) return known;
  const { transactionData } = bundleOf(bundle);
  const facts = transactionData.map((data) => payloadFacts(transactionOf(data).payloadJson));
  read.set(bundle, facts);
  return facts;
}

/** Of the newest bundles only: followers that are live ask for them at the same time. */
const read = new LRUCache<Uint8Array, readonly PayloadFacts[]>({
  maxSize: limits.frameBytes,
  sizeCalculation: (_, bundle) => bundle.byteLength + 1,
});
