import type { Signer } from "../dockets/keys.ts";
import { isSignatureTrue, signText } from "../dockets/signature.ts";
import type { Policy, Validator } from "../dockets/types.ts";
import type {
  SealingCertificate,
  SealingKind,
  SealingMessage,
  SealingStatement,
} from "../wire/sealing-messages.ts";
import { sealingKind } from "../wire/sealing-messages.ts";

/** Those who decide about one docket number: the policy in force, seen from one of its seats. */
export interface Seat {
  registerId: string;
  number: number;
  validators: readonly Validator[];
  /** Signatures that a docket needs. */
  threshold: number;
  /** Validators that make a decision; any two such sets share an honest one. */
  quorum: number;
  ownId: string;
  signer: Signer;
}

export function seatOf(
  place: { registerId: string; number: number; policy: Policy },
  own: { nodeId: string; signer: Signer },
): Seat {
  const { registerId, number, policy } = place;
  const { validators, threshold } = policy;
  const quorum = quorumOf(policy);
  const { nodeId: ownId, signer } = own;
  return { registerId, number, validators, threshold, quorum, ownId, signer };
}

/**
 * How many decide: the threshold, but never so few that a third of all, lying, could make two
 * decisions side by side. Of four 3, of five 4, of seven 5, of nine 6.
 */
export function quorumOf(policy: Pick<Policy, "validators" | "threshold">): number {
  const count = policy.validators.length;
  const liars = Math.floor((count - 1) / 3);
  return Math.max(policy.threshold, Math.floor((count + liars) / 2) + 1);
}

/** A validator with this name and this node's own key. */
export function isMember(policy: Policy, own: { nodeId: string; signer: Signer }): boolean {
  return policy.validators.some(
    (one) => one.validatorId === own.nodeId && one.publicKey === own.signer.publicKey,
  );
}

/** Who proposes in a round. */
export function proposerOf(seat: Seat, round: number): string {
  return seat.validators[(seat.number + round) % seat.validators.length]?.validatorId ?? "";
}

/** What is said in a round: signed under a tag of its own, so that it can be nothing else. */
export interface Said {
  kind: SealingKind;
  round: number;
  docketHash: string;
  /** 1 + the round of the lock; in promises only. */
  locked?: number;
}

export function statementText(seat: Seat, said: Said): string {
  const { registerId, number } = seat;
  const { kind, round, docketHash, locked = 0 } = said;
  return `sorcha.peer.sealing.v1|${kind}|${registerId}|${number}|${round}|${docketHash}|${locked}`;
}

/** A message of ours, signed. */
export function say(seat: Seat, said: Said, more: Partial<SealingMessage> = {}): SealingMessage {
  const { kind, round, docketHash, locked = 0 } = said;
  return {
    ...emptyMessage,
    kind: sealingKind[kind],
    registerId: seat.registerId,
    docketNumber: seat.number,
    validatorId: seat.ownId,
    round,
    docketHash,
    locked,
    signature: signText(seat.signer, statementText(seat, said)).signatureValue,
    ...more,
  };
}

export const emptyMessage: SealingMessage = {
  kind: 0,
  registerId: "",
  docketNumber: 0,
  round: 0,
  validatorId: "",
  docketHash: "",
  signature: "",
  locked: 0,
  lock: null,
  proof: [],
  bundle: new Uint8Array(),
};

/** Whether a validator of this seat's register said this about this very number. */
export function isSaidBy(
  seat: Seat,
  said: Said,
  by: Pick<SealingStatement, "validatorId" | "signature">,
): boolean {
  const validator = seat.validators.find((one) => one.validatorId === by.validatorId);
  if (validator === undefined) return false;
  const { publicKey, algorithm } = validator;
  const signature = { publicKey, algorithm, signatureValue: by.signature };
  return isSignatureTrue(signature, statementText(seat, said));
}

/** Whether a quorum of different validators said the same. */
export function isSaidByQuorum(
  seat: Seat,
  said: Said,
  statements: readonly SealingStatement[],
): boolean {
  if (!areQuorum(seat, statements)) return false;
  return statements.every((statement) => isSaidBy(seat, said, statement));
}

export function isCertificateTrue(seat: Seat, certificate: SealingCertificate): boolean {
  const { round, docketHash, accepts } = certificate;
  return isSaidByQuorum(seat, { kind: "accept", round, docketHash }, accepts);
}

/**
 * Whether a proposal for a round above the first is one that its proposer was free to make: a
 * quorum promised the round, and if one of them is locked, it is the docket of the highest lock.
 */
export function isJustified(seat: Seat, proposal: SealingMessage): boolean {
  const { round, docketHash, proof, lock } = proposal;
  if (round === 0) return true;
  if (!areQuorum(seat, proof)) return false;
  const isTrue = proof.every((promise) =>
    isSaidBy(
      seat,
      { kind: "promise", round, docketHash: promise.docketHash, locked: promise.locked },
      promise,
    ),
  );
  if (!isTrue) return false;
  const highest = Math.max(...proof.map((promise) => promise.locked));
  if (highest === 0) return true;
  if (highest > round || lock === null || lock.round !== highest - 1) return false;
  return lock.docketHash === docketHash && isCertificateTrue(seat, lock);
}

function areQuorum(seat: Seat, statements: readonly SealingStatement[]): boolean {
  const names = new Set(statements.map((statement) => statement.validatorId));
  const isInBounds = statements.length <= seat.validators.length;
  return isInBounds && names.size === statements.length && names.size >= seat.quorum;
}
