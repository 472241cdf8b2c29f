import { isEqual } from "../../base/bytes.ts";
import { isId } from "../../dockets/fields.ts";
import { limits } from "../../runtime/limits.ts";
import type { ParticipantMessage } from "../../wire/key-generation-messages.ts";
import { type Commitments, commitmentsOf } from "./commitments.ts";
import { isTrulySaid, nextHash, nonceOf, refusal, type Said } from "./signed.ts";

export interface Participant {
  validatorId: string;
  /** Ed25519, raw. */
  publicKey: Uint8Array;
  /** From 1 on: the place of its share. */
  index: number;
}

/** What a session is to make: read once, and the same for everybody who takes part. */
export interface Proposal {
  registerId: string;
  epoch: number;
  /** Hex; the session's name. */
  nonce: string;
  leader: Participant;
  threshold: number;
  /** Who shall hold shares, by their indices. */
  members: readonly Participant[];
  /** Who deals: the members themselves, or who holds the key that is handed on. */
  dealers: readonly Participant[];
  /** How many of them it takes. */
  dealersNeeded: number;
  /** Of the key that is handed on; null: a new one is made. */
  previous: Commitments | null;
  proposedAtMs: number;
  /** Everybody once, members first: the order of what is shown to all. */
  participants: readonly Participant[];
  /** Where the transcript begins. */
  hash: Uint8Array;
}

/** Reads what somebody proposes. Throws a `PeerError` that says what is wrong with it. */
export function readProposal(said: Said): Proposal {
  const { message } = said;
  const body = message.proposal;
  if (body === undefined) throw refusal("no-proposal", "A session begins with a proposal");
  const { threshold } = body;
  const members = participantsOf(body.members);
  checkThreshold(threshold, members.length);
  const isNew = body.dealers.length === 0;
  const dealers = isNew ? members : participantsOf(body.dealers, { anyIndex: true });
  const previous = isNew ? null : previousOf(body.previousCommitments, dealers.length);
  const participants = [...members];
  for (const dealer of dealers) {
    const known = participants.find((one) => one.validatorId === dealer.validatorId);
    if (known === undefined) participants.push(dealer);
    else if (!isEqual(known.publicKey, dealer.publicKey)) throw bad("One validator has two keys");
  }
  const leader = participants.find((one) => one.validatorId === message.senderValidatorId);
  if (leader === undefined) throw bad("Who proposes takes part");
  if (!isTrulySaid(said, leader.publicKey)) throw falseSignature(leader.validatorId);
  if (message.nonce.length !== 16 || message.epoch < 1 || !isId(message.registerId)) {
    throw bad("A session has a register, an epoch from 1 on and a nonce of 16 bytes");
  }
  return {
    registerId: message.registerId,
    epoch: message.epoch,
    nonce: nonceOf(message),
    leader,
    threshold,
    members,
    dealers,
    dealersNeeded: previous === null ? threshold : previous.length,
    previous,
    proposedAtMs: body.proposedAtMs,
    participants,
    hash: nextHash(new Uint8Array(0), 0, [said]),
  };
}

/** More than half: so no two groups of `threshold` are without a common member. */
export function checkThreshold(threshold: number, memberCount: number): void {
  const least = Math.floor(memberCount / 2) + 1;
  if (threshold >= least && threshold <= memberCount) return;
  throw refusal(
    "bad-threshold",
    `With ${memberCount} validators the threshold is between ${least} and ${memberCount}`,
  );
}

export function falseSignature(validatorId: string) {
  return refusal("false-signature", `The message is not signed by ${validatorId}`);
}

function participantsOf(
  messages: readonly ParticipantMessage[],
  options = { anyIndex: false },
): Participant[] {
  if (messages.length < 1 || messages.length > limits.groupMembers) {
    throw bad(`A key is made by 1 to ${limits.groupMembers} validators`);
  }
  const isDistinct = (values: readonly unknown[]) => new Set(values).size === values.length;
  const isSound =
    isDistinct(messages.map((one) => one.validatorId)) &&
    isDistinct(messages.map((one) => Buffer.from(one.publicKey).toString("hex"))) &&
    isDistinct(messages.map((one) => one.index)) &&
    messages.every((one) => isId(one.validatorId) && one.publicKey.length === 32) &&
    messages.every((one, at) => (options.anyIndex ? one.index > 0 : one.index === at + 1));
  if (!isSound) throw bad("Each validator has a name, a key and an index of its own");
  return messages.map(({ validatorId, publicKey, index }) => ({ validatorId, publicKey, index }));
}

function previousOf(bytes: readonly Uint8Array[], dealerCount: number): Commitments {
  const isCountSound = bytes.length >= 1 && bytes.length <= dealerCount;
  const commitments = isCountSound ? commitmentsOf(bytes, bytes.length) : null;
  if (commitments === null) throw bad("The key that is handed on can't be read");
  return commitments;
}

function bad(message: string) {
  return refusal("bad-proposal", message);
}
