import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import type { Signer } from "../dockets/envelope.ts";
import { buildDocket } from "../dockets/envelope.ts";
import type { Anchor, Transaction } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";

/** A signed transaction that waits for its docket. */
export interface BuiltTransaction {
  transaction: Transaction;
  bytes: Uint8Array;
}

/**
 * Seals as many of the transactions as fit in one page: dockets of up to `sealCount`, chained on
 * the anchor, until the page has a frame's worth. Gives the page and how many transactions each of
 * its dockets holds. A docket's time is never before the one it follows, whatever the clock did.
 */
export function sealBatch(
  transactions: readonly BuiltTransaction[],
  options: {
    anchor: Anchor;
    validatorId: string;
    signer: Signer;
    sealCount: number;
    nowMs: number;
  },
): { bytes: Uint8Array; counts: number[] } {
  const { anchor, validatorId, signer } = options;
  const createdAtMs = Math.max(options.nowMs, anchor.previousTimeMs);
  const bundles: Uint8Array[] = [];
  const counts: number[] = [];
  let previousHash = anchor.previousHash;
  let taken = 0;
  let bytes = 0;
  while (taken < transactions.length && (bytes === 0 || bytes < limits.frameBytes)) {
    const chosen = fillDocket(transactions.slice(taken, taken + options.sealCount));
    const docket = buildDocket({
      registerId: anchor.registerId,
      number: anchor.nextNumber + bundles.length,
      previousHash,
      createdAtMs,
      proposerValidatorId: validatorId,
      leaves: chosen.map(({ transaction }) => ({
        transactionId: transaction.transactionId,
        payloadHash: transaction.payloadHash,
        createdAt: transaction.createdAt,
      })),
      signer,
    });
    const bundle = encodeBundle({
      docketData: docket.bytes,
      transactionData: chosen.map((built) => built.bytes),
    });
    bundles.push(bundle);
    bytes += bundle.length;
    taken += chosen.length;
    counts.push(chosen.length);
    previousHash = docket.docket.docketHash;
  }
  return { bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }), counts };
}

/** As many from the front as one docket may weigh; always at least one. */
export function fillDocket(transactions: readonly BuiltTransaction[]): readonly BuiltTransaction[] {
  let bytes = 0;
  for (const [index, built] of transactions.entries()) {
    bytes += built.bytes.length + leafBytes;
    if (index > 0 && bytes > limits.frameBytes) return transactions.slice(0, index);
  }
  return transactions;
}

/** What a leaf adds to the docket document, generously. */
const leafBytes = 512;
