/** The formulas of the ledger: what is hashed, in which spelling. Hashes are lowercase hex. */
import { hash } from "node:crypto";
import type { Leaf } from "./types.ts";

export function sha256Hex(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

export function payloadHash(payloadJson: string): string {
  return sha256Hex(payloadJson);
}

/** Ids and hashes need no escape, so that pasting them is what a JSON encoder would write. */
export function leafHash(leaf: Leaf, timeMs: number): string {
  return sha256Hex(
    `{"TransactionId":"${leaf.transactionId}","PayloadHash":"${leaf.payloadHash}",` +
      `"Timestamp":${timeMs}}`,
  );
}

/** The text whose hash is the docket's hash, and which its seal thereby signs. */
export function docketText(docket: {
  registerId: string;
  docketNumber: number;
  previousHash: string;
  merkleRoot: string;
  timeMs: number;
}): string {
  return (
    `{"RegisterId":"${docket.registerId}","DocketNumber":${docket.docketNumber},` +
    `"PreviousHash":"${docket.previousHash}","MerkleRoot":"${docket.merkleRoot}",` +
    `"Timestamp":${docket.timeMs}}`
  );
}

export function docketHash(docket: Parameters<typeof docketText>[0]): string {
  return sha256Hex(docketText(docket));
}

/** The text whose hash a transaction's signatures sign. */
export function transactionText(transactionId: string, hashOfPayload: string): string {
  return `${transactionId}:${hashOfPayload}`;
}

export function genesisTransactionId(registerId: string): string {
  return sha256Hex(`genesis-${registerId}`);
}
