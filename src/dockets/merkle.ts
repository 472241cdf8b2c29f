import { sha256Hex } from "./hash.ts";

/**
 * The Merkle root of leaf hashes in docket order. An odd last node is paired with itself, so that
 * [a, b, c] and [a, b, c, c] share a root: a docket that lists a transaction twice has to be
 * refused before its root is looked at.
 */
export function merkleRoot(leaves: readonly string[]): string {
  if (leaves.length === 0) return sha256Hex("");
  let level = leaves;
  while (level.length > 1) level = parentsOf(level);
  return level[0] as string;
}

/** One level up. */
export function parentsOf(level: readonly string[]): string[] {
  const parents: string[] = [];
  for (let left = 0; left < level.length; left += 2) {
    parents.push(parentOf(level[left] as string, level[left + 1] ?? (level[left] as string)));
  }
  return parents;
}

/** Over the 128 characters of both, not over their bytes. */
export function parentOf(left: string, right: string): string {
  return sha256Hex(left + right);
}
