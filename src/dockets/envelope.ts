/** The documents we make ourselves, and what can be read from the payloads of any. */
import { assert, present } from "../base/assert.ts";
import { utf8 } from "../base/bytes.ts";
import {
  docketText,
  genesisTransactionId,
  leafHash,
  payloadHash,
  sha256Hex,
  transactionText,
} from "./hash.ts";
import type { Signer } from "./keys.ts";
import { merkleRoot } from "./merkle.ts";
import { memberValue, payloadMembers } from "./payload.ts";
import { policyPayload } from "./policy.ts";
import { signText } from "./signature.ts";
import type { Docket, DocketBundle, Leaf, Policy, Transaction, Validator, Vote } from "./types.ts";

export type { Signer };

/**
 * The envelope around submitted data, keys in the order of protocol §2. `dataText` is JSON that
 * goes in as it is: key order, white space and long numbers survive.
 */
export function buildPayload(envelope: {
  type: string;
  sender: string;
  recipients: readonly string[];
  previousTransactionId: string | null;
  /** Makes equal data distinct. */
  nonce: string;
  dataText: string;
}): string {
  const { dataText, type, sender, recipients, previousTransactionId, nonce } = envelope;
  const head = JSON.stringify({ type, sender, recipients, previousTransactionId, nonce });
  return `${head.slice(0, -1)},"data":${dataText}}`;
}

/** The text of `data` exactly as it was submitted; null when the payload has none. */
export function dataTextOf(payloadJson: string): string | null {
  return payloadMembers(payloadJson)?.get("data") ?? null;
}

/** What a payload says of itself; foreign payloads may say nothing. */
export interface PayloadFacts {
  type: string | null;
  sender: string | null;
  recipients: string[];
}

export function payloadFacts(payloadJson: string): PayloadFacts {
  const members = payloadMembers(payloadJson);
  const type = memberValue(members?.get("type"));
  const sender = memberValue(members?.get("sender"));
  const recipients = memberValue(members?.get("recipients"));
  return {
    type: typeof type === "string" ? type : null,
    sender: typeof sender === "string" ? sender : null,
    recipients: Array.isArray(recipients)
      ? recipients.filter((recipient) => typeof recipient === "string")
      : [],
  };
}

/** A signed transaction document. Its id is its payload's hash unless one is given. */
export function buildTransaction(parts: {
  registerId: string;
  payloadJson: string;
  createdAtMs: number;
  transactionId?: string;
  signer: Signer;
}): { transaction: Transaction; bytes: Uint8Array } {
  assert(parts.payloadJson.isWellFormed(), "a payload has no lone surrogates");
  const hash = payloadHash(parts.payloadJson);
  const transactionId = parts.transactionId ?? hash;
  const transaction: Transaction = {
    transactionId,
    registerId: parts.registerId,
    payloadJson: parts.payloadJson,
    payloadHash: hash,
    createdAt: isoOf(parts.createdAtMs),
    signatures: [signText(parts.signer, transactionText(transactionId, hash))],
  };
  return { transaction, bytes: utf8(JSON.stringify(transaction)) };
}

/** What a docket says of a transaction. */
export function leafOf(transaction: Transaction): Leaf {
  const { transactionId, payloadHash: hash, createdAt } = transaction;
  return { transactionId, payloadHash: hash, createdAt };
}

/** A docket as it is before anybody signed it, and the text whose hash a seal signs. */
export function draftDocket(parts: {
  registerId: string;
  number: number;
  /** "" for docket 0. */
  previousHash: string;
  createdAtMs: number;
  proposerValidatorId: string;
  leaves: Leaf[];
}): { docket: Docket; text: string } {
  const root = merkleRoot(parts.leaves.map((leaf) => leafHash(leaf, Date.parse(leaf.createdAt))));
  const text = docketText({
    registerId: parts.registerId,
    docketNumber: parts.number,
    previousHash: parts.previousHash,
    merkleRoot: root,
    timeMs: parts.createdAtMs,
  });
  const hash = sha256Hex(text);
  const docket: Docket = {
    docketId: hash,
    registerId: parts.registerId,
    docketNumber: parts.number,
    previousHash: parts.previousHash,
    docketHash: hash,
    merkleRoot: root,
    createdAt: isoOf(parts.createdAtMs),
    proposerValidatorId: parts.proposerValidatorId,
    proposerSignature: null,
    votes: [],
    transactions: parts.leaves,
  };
  return { docket, text };
}

/** A docket's document, its keys in the order of protocol §2. */
export function docketBytes(docket: Docket): Uint8Array {
  const { votes, transactions, groupSignature, ...head } = docket;
  return utf8(JSON.stringify({ ...head, votes, transactions, groupSignature }));
}

/** A docket document, signed by its proposer. */
export function buildDocket(
  parts: Parameters<typeof draftDocket>[0] & {
    signer: Signer;
    /** Makes the other validators' votes, given the text whose hash is signed. */
    votes?: (text: string) => Vote[];
  },
): { docket: Docket; bytes: Uint8Array } {
  const { docket: draft, text } = draftDocket(parts);
  const proposerSignature = signText(parts.signer, text);
  const docket: Docket = { ...draft, proposerSignature, votes: parts.votes?.(text) ?? [] };
  return { docket, bytes: docketBytes(docket) };
}

/** Docket 0 of a register with its one transaction, which sets the policy. */
export function buildGenesis(parts: {
  registerId: string;
  policy: Policy;
  createdAtMs: number;
  signer: Signer;
  /** Which of the policy's validators proposes; the one with the signer's key if left out. */
  validatorId?: string;
  votes?: (text: string) => Vote[];
}): DocketBundle & { docket: Docket } {
  const { registerId, policy, createdAtMs, signer, votes } = parts;
  const proposerValidatorId = parts.validatorId ?? validatorIdOf(policy, signer);
  const { transaction, bytes } = buildTransaction({
    registerId,
    payloadJson: policyPayload(policy),
    createdAtMs,
    transactionId: genesisTransactionId(registerId),
    signer,
  });
  const { docket, bytes: docketData } = buildDocket({
    registerId,
    number: 0,
    previousHash: "",
    createdAtMs,
    proposerValidatorId,
    leaves: [leafOf(transaction)],
    signer,
    ...(votes === undefined ? {} : { votes }),
  });
  return { docketData, transactionData: [bytes], docket };
}

function validatorIdOf(policy: Policy, signer: Signer): string {
  const isSigner = (validator: Validator) => validator.publicKey === signer.publicKey;
  return present(policy.validators.find(isSigner), "the signer among the validators").validatorId;
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
