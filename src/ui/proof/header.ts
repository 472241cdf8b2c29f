import { timeMsOf } from "../../dockets/time.ts";
import type { Docket, Leaf } from "../../dockets/types.ts";
import { sha256 } from "./step.ts";

/** The texts of protocol §2 whose hashes are a docket's and a leaf's, as `src/dockets/hash.ts`. */
export function headerText(docket: Docket): string {
  return (
    `{"RegisterId":"${docket.registerId}","DocketNumber":${docket.docketNumber},` +
    `"PreviousHash":"${docket.previousHash}","MerkleRoot":"${docket.merkleRoot}",` +
    `"Timestamp":${timeMsOf(docket.createdAt)}}`
  );
}

export function leafText(leaf: Leaf): string {
  const timeMs = timeMsOf(leaf.createdAt);
  const { transactionId, payloadHash } = leaf;
  return `{"TransactionId":"${transactionId}","PayloadHash":"${payloadHash}","Timestamp":${timeMs}}`;
}

/** Of all leaves of a docket: pairs are hashed as text, an odd last one is paired with itself. */
export async function merkleRoot(subtle: SubtleCrypto, leaves: readonly Leaf[]): Promise<string> {
  let level = await Promise.all(leaves.map((leaf) => sha256(subtle, leafText(leaf))));
  if (level.length === 0) return sha256(subtle, "");
  while (level.length > 1) {
    const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, pair) => {
      const left = level[2 * pair] ?? "";
      return left + (level[2 * pair + 1] ?? left);
    });
    level = await Promise.all(pairs.map((text) => sha256(subtle, text)));
  }
  return level[0] ?? "";
}
