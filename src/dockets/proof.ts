import { parentOf, parentsOf } from "./merkle.ts";

/** One step up from a leaf to the root: the hash to pair with, and on which side it stands. */
export interface ProofStep {
  side: "left" | "right";
  hash: string;
}

/** The way from leaf `index` to the root of `leaves`, lowest step first. */
export function proveInclusion(leaves: readonly string[], index: number): ProofStep[] {
  const steps: ProofStep[] = [];
  let level = leaves;
  for (let at = index; level.length > 1; at = Math.floor(at / 2)) {
    const partner = isRightOf(at) ? at - 1 : Math.min(at + 1, level.length - 1);
    steps.push({ side: isRightOf(at) ? "left" : "right", hash: level[partner] as string });
    level = parentsOf(level);
  }
  return steps;
}

/**
 * Whether `leaf` is number `index` of `count` leaves under `root`. Sides and the pairings of an odd
 * last node with itself follow from index and count, so that one leaf has one proof and one place.
 */
export function verifyInclusion(claim: {
  leaf: string;
  index: number;
  count: number;
  steps: readonly ProofStep[];
  root: string;
}): boolean {
  const { index, count, steps } = claim;
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return false;
  let hash = claim.leaf;
  let at = index;
  let width = count;
  for (const step of steps) {
    if (width <= 1 || step.side !== (isRightOf(at) ? "left" : "right")) return false;
    const isAlone = !isRightOf(at) && at === width - 1;
    if (isAlone && step.hash !== hash) return false;
    hash = step.side === "left" ? parentOf(step.hash, hash) : parentOf(hash, step.hash);
    at = Math.floor(at / 2);
    width = Math.ceil(width / 2);
  }
  return width === 1 && hash === claim.root;
}

function isRightOf(index: number): boolean {
  return index % 2 === 1;
}
