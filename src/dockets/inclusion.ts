import { base64urlOf, bytesOfBase64url, textOf, utf8 } from "../base/bytes.ts";
import { decodeDocket, decodeTransaction, timeMsOf } from "./decode.ts";
import { policyBefore, readSealedHeader } from "./evidence.ts";
import { leafHash, payloadHash, transactionText } from "./hash.ts";
import { merkleRoot } from "./merkle.ts";
import { isSignatureTrue } from "./signature.ts";
import type { Outcome, RefusalCode } from "./types.ts";

/**
 * That a register's validators sealed a transaction, in a form that proves itself: its document,
 * the docket that lists it, and the policy chain up to that docket, which says whose seal it needs.
 */
export interface Inclusion {
  registerId: string;
  genesisHash: string;
  docketNumber: number;
  docketHash: string;
  transactionId: string;
  /** Place within the docket, from 0. */
  position: number;
  /** When the transaction was made, as its docket says. */
  createdAt: string;
}

export const inclusionType = "sorcha.inclusion.v1";

/** JSON; the two documents are texts, so that other tools can hash them as they stand there. */
export function encodeInclusion(proof: {
  registerId: string;
  docket: string;
  transaction: string;
  /** A page of the control dockets before it, from the genesis docket on. */
  policyPage: Uint8Array;
}): string {
  const { registerId, docket, transaction, policyPage } = proof;
  const page = base64urlOf(policyPage);
  return JSON.stringify({ type: inclusionType, registerId, docket, transaction, policyPage: page });
}

/** Finds out whether a proof is true. `genesisHash`: of the register that it must be about. */
export function verifyInclusionFile(
  bytes: Uint8Array,
  options: { nowMs: number; genesisHash?: string },
): Outcome<Inclusion> {
  const parsed = parse(bytes);
  if (parsed === null) return refused("schema", "That is no proof in the known form");
  const { registerId, policyPage } = parsed;
  const listed = decodeDocket(parsed.docketData);
  if (!listed.ok) return listed;
  const { docketNumber } = listed.value;
  const believed = policyBefore(policyPage, { ...options, registerId, docketNumber });
  if (!believed.ok) return believed;
  const { policy, genesisHash } = believed.value;
  const sealed = readSealedHeader(parsed.docketData, { registerId, policy });
  if (!sealed.ok) return sealed;
  const { docketHash, transactions } = sealed.value;
  if (docketNumber === 0 && docketHash !== genesisHash) {
    return refused("genesis", "The docket is not the genesis docket that the policy begins with");
  }
  const leaves = transactions.map((leaf) => leafHash(leaf, timeMsOf(leaf.createdAt) as number));
  if (merkleRoot(leaves) !== sealed.value.merkleRoot) {
    return refused("merkle", "The docket's list of transactions is not the one that is sealed");
  }
  const body = decodeTransaction(parsed.transactionData);
  if (!body.ok) return body;
  const { transactionId, createdAt, signatures } = body.value;
  const hash = payloadHash(body.value.payloadJson);
  const position = transactions.findIndex((leaf) => leaf.transactionId === transactionId);
  const leaf = transactions[position];
  if (leaf === undefined) return refused("count", "The docket does not list the transaction");
  if (body.value.registerId !== registerId || createdAt !== leaf.createdAt) {
    return refused("merkle", "The transaction is not the one that its docket lists");
  }
  if (hash !== leaf.payloadHash || hash !== body.value.payloadHash) {
    return refused("payload-hash", "The payload does not have the hash that its docket says");
  }
  const text = transactionText(transactionId, hash);
  if (signatures.length === 0 || !signatures.every((one) => isSignatureTrue(one, text))) {
    return refused("tx-signature", "The transaction bears no signature, or one that is not true");
  }
  const place = { docketNumber, docketHash, position };
  return { ok: true, value: { registerId, genesisHash, ...place, transactionId, createdAt } };
}

function parse(bytes: Uint8Array): {
  registerId: string;
  docketData: Uint8Array;
  transactionData: Uint8Array;
  policyPage: Uint8Array<ArrayBuffer>;
} | null {
  try {
    const found = JSON.parse(textOf(bytes) ?? "");
    const { type, registerId, docket, transaction, policyPage } = found;
    if (type !== inclusionType || typeof policyPage !== "string") return null;
    if (![registerId, docket, transaction].every((one) => typeof one === "string")) return null;
    const page = bytesOfBase64url(policyPage);
    if (page === null) return null;
    const documents = { docketData: utf8(docket), transactionData: utf8(transaction) };
    return { registerId, ...documents, policyPage: new Uint8Array(page) };
  } catch {
    return null;
  }
}

function refused(code: RefusalCode, message: string): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber: null } };
}
