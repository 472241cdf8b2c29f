/**
 * The words of the ledger. Numbers are JavaScript numbers, checked to be safe integers where they
 * come in (`decode.ts`, `wire/`, the `*-table.ts` files). Hashes and ids are lowercase hex strings
 * unless a name says bytes.
 */

export type SignatureAlgorithm = "ED25519" | "NISTP256" | "RSA4096";

export interface Signature {
  publicKey: string;
  signatureValue: string;
  algorithm: string;
  signedAt?: string;
}

/** A transaction document's parts that have a meaning; the bytes themselves are kept beside it. */
export interface Transaction {
  transactionId: string;
  registerId: string;
  payloadJson: string;
  payloadHash: string;
  createdAt: string;
  signatures: Signature[];
}

/** What a docket says of one transaction. */
export interface Leaf {
  transactionId: string;
  payloadHash: string;
  createdAt: string;
}

/** A validator's vote for a docket: the docket hash's 32 bytes under its key. */
export interface Vote {
  validatorId: string;
  validatorSignature: Signature;
}

export interface Docket {
  docketId: string;
  registerId: string;
  docketNumber: number;
  previousHash: string;
  docketHash: string;
  merkleRoot: string;
  createdAt: string;
  proposerValidatorId: string;
  proposerSignature: Signature | null;
  votes: Vote[];
  transactions: Leaf[];
  groupSignature?: string;
}

export interface Validator {
  validatorId: string;
  publicKey: string;
  algorithm: string;
}

/** Whom to believe: in force from the docket after the one that carries it. */
export interface Policy {
  version: number;
  validators: Validator[];
  threshold: number;
  groupPublicKey?: string;
  /** Which shares of the group's key are in force: base64url of 32 bytes. For validators only. */
  groupShares?: string;
  isPublic: boolean;
  name: string;
  description: string;
  readers?: string[];
}

/** Where a chain stands: what the next docket must fit on. */
export interface Anchor {
  registerId: string;
  /** Number of the next docket. 0: nothing is there yet. */
  nextNumber: number;
  /** Hash of the docket before it; "" before docket 0. */
  previousHash: string;
  /** Its time, unix ms; 0 before docket 0. */
  previousTimeMs: number;
  /** The policy in force; null before docket 0, which brings the first. */
  policy: Policy | null;
}

/** In the order of checking (protocol §4); `genesis` is a pinned or recorded hash not met. */
export type RefusalCode =
  | "size"
  | "json"
  | "schema"
  | "register"
  | "number"
  | "link"
  | "duplicate"
  | "count"
  | "payload-hash"
  | "merkle"
  | "docket-hash"
  | "time"
  | "seal"
  | "tx-signature"
  | "genesis";

export interface Refusal {
  code: RefusalCode;
  message: string;
  /** The first bad docket; null where not even that could be read. */
  docketNumber: number | null;
  transactionId?: string;
}

/** Either what was asked for, or why not: refusals are expected and therefore values. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

/** One docket with its bodies as they came: the documents' bytes, untouched. */
export interface DocketBundle {
  docketData: Uint8Array;
  transactionData: Uint8Array[];
}

/** What the store keeps of a verified docket besides its bytes. */
export interface DocketFacts {
  number: number;
  hash: string;
  previousHash: string;
  timeMs: number;
  /** Where its bundle lies in the page's bytes. */
  offset: number;
  length: number;
  transactionCount: number;
  /** Carries a transaction of type Control: belongs to the policy chain. */
  isControl: boolean;
  /** False only where unsealed chains are accepted. */
  isSealed: boolean;
}

/**
 * Where each transaction of a page lies, in docket order, as columns. `keys` holds 16 bytes a
 * transaction (`transactionKey`); offsets are from the start of the docket's bundle.
 */
export interface TransactionFacts {
  count: number;
  keys: Uint8Array<ArrayBuffer>;
  docketNumbers: Float64Array<ArrayBuffer>;
  positions: Int32Array<ArrayBuffer>;
  offsets: Int32Array<ArrayBuffer>;
  lengths: Int32Array<ArrayBuffer>;
}

/**
 * A run of consecutive dockets that were found true by themselves and under `policyBefore`. Whether
 * it fits on what is stored is decided by `join.ts`, which alone makes a `VerifiedPage` of it.
 */
export interface CheckedPage {
  registerId: string;
  bytes: Uint8Array<ArrayBuffer>;
  dockets: DocketFacts[];
  transactions: TransactionFacts;
  /** The policy the seals were checked under; null when the page starts with the genesis docket. */
  policyBefore: Policy | null;
  policyAfter: Policy;
  /** The source's newest docket, as it says: a hint, never believed. */
  headNumber: number;
  /** Version of the first transaction, as the source says: a hint where the past is missing. */
  firstVersion: number;
}

declare const verified: unique symbol;

/** Fits on `anchor` and is true: the only thing that can be stored. Minted in `join.ts` alone. */
export interface VerifiedPage {
  readonly [verified]: true;
  readonly anchor: Anchor;
  readonly page: CheckedPage;
  readonly next: Anchor;
}

/**
 * Where a follower without the past begins: the register's policy chain from its genesis on, which
 * says whom to believe, and the run of dockets that it starts from; null where the policy chain
 * ends with the newest docket. Minted in `join.ts` alone.
 */
export interface VerifiedStart {
  readonly [verified]: true;
  readonly policyChain: CheckedPage;
  readonly head: CheckedPage | null;
  readonly next: Anchor;
}

/** What a run of dockets that lie before held ones must fit on. */
export interface PastPlace {
  registerId: string;
  /** The docket behind the run: its number, and what it says of the one before it. */
  nextNumber: number;
  previousHash: string;
  /** The time that the run may not be behind; null where nothing is known. */
  timeMs: number | null;
  /** Hash of the docket before the run, where that one is held. */
  hashBefore: string | null;
  /** In force at the run's first docket; null before docket 0. */
  policy: Policy | null;
}

/**
 * A run that ends where held dockets begin, and has the hash that they demand: true by them and by
 * its seals. Minted in `join-before.ts` alone.
 */
export interface VerifiedPast {
  readonly [verified]: true;
  readonly place: PastPlace;
  readonly page: CheckedPage;
}

/** A register's latest docket. */
export interface Head {
  registerId: string;
  number: number;
  hash: string;
}
