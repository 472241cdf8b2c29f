import { assert, present } from "../base/assert.ts";
import { readBundle } from "../dockets/bundle.ts";
import { decodeDocket, decodeTransaction, timeMsOf } from "../dockets/decode.ts";
import type { Docket, DocketBundle, Transaction } from "../dockets/types.ts";

/** The parts of stored documents. They were verified on their way in, so all of this must hold. */
export function bundleOf(bytes: Uint8Array): DocketBundle {
  return present(readBundle(bytes), "a stored bundle's framing");
}

export function docketOf(docketData: Uint8Array): Docket {
  const decoded = decodeDocket(docketData);
  assert(decoded.ok, "a stored docket reads");
  return decoded.value;
}

export function transactionOf(transactionData: Uint8Array): Transaction {
  const decoded = decodeTransaction(transactionData);
  assert(decoded.ok, "a stored transaction reads");
  return decoded.value;
}

/** Unix ms. */
export function createdMs(document: { createdAt: string }): number {
  return present(timeMsOf(document.createdAt), "a stored document's time");
}
