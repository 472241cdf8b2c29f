import { base64urlOf, isEqual } from "../../base/bytes.ts";
import { PeerError } from "../../base/error.ts";
import type { Policy } from "../../dockets/types.ts";
import { limits } from "../../runtime/limits.ts";
import { commitmentBytes } from "./commitments.ts";
import { groupKeyText } from "./group-epoch.ts";
import { type GroupKeys, isSameKey, validatorsOf } from "./group-keys.ts";
import { checkThreshold, type Proposal } from "./proposal.ts";
import { type Body, refusal, type Speaker } from "./signed.ts";

/** Whom an operator names; without a key, the one by which this node knows it counts. */
export interface NamedValidator {
  validatorId: string;
  /** Base64url. */
  publicKey?: string;
}

/** The members of a group to be, in the order given. Throws for one whose key isn't known. */
export function membersOf(
  named: readonly NamedValidator[],
  known: (validatorId: string) => Uint8Array | null,
): { validatorId: string; publicKey: Uint8Array; index: number }[] {
  return named.map(({ validatorId, publicKey: given }, at) => {
    const publicKey = given === undefined ? known(validatorId) : Buffer.from(given, "base64url");
    if (publicKey !== null && publicKey.length === 32) {
      return { validatorId, publicKey, index: at + 1 };
    }
    throw new PeerError("not-found", "unknown-validator", {
      message: `No Ed25519 key of validator ${validatorId} is known here; name it as ID=KEY`,
    });
  });
}

/** What is proposed for a register that has no group yet, or to hand its key on. */
export function proposalBody(
  wanted: { threshold: number; members: ReturnType<typeof membersOf>; nowMs: number },
  active: ReturnType<GroupKeys["active"]>,
): NonNullable<Body["proposal"]> {
  const { threshold, members, nowMs: proposedAtMs } = wanted;
  checkThreshold(threshold, members.length);
  if (active === null) return { threshold, members, proposedAtMs };
  const { members: dealers, commitments: previousCommitments } = active;
  return { threshold, members, dealers, previousCommitments, proposedAtMs };
}

/**
 * Whether a proposal that came is one to look at: of a validator of the register, in our own name
 * and key, and made just now. Throws a `PeerError` for one that is not.
 */
export function checkInvitation(
  proposal: Proposal,
  here: { policy: Policy; me: Speaker; nowMs: number },
): void {
  const { leader } = proposal;
  const leaderKey = base64urlOf(leader.publicKey);
  if (!here.policy.validators.some((one) => one.publicKey === leaderKey)) {
    throw refusal("not-a-validator", `${leader.validatorId} is no validator of this register`);
  }
  const own = proposal.participants.find((one) => one.validatorId === here.me.validatorId);
  if (own === undefined || !isEqual(own.publicKey, here.me.publicKey)) {
    throw refusal("not-invited", "The proposal names no key of this node");
  }
  if (Math.abs(here.nowMs - proposal.proposedAtMs) > limits.keyProposalMs) {
    throw refusal("stale-proposal", "The proposal was not made just now");
  }
}

/** Why we can't take part, as a code that goes back to who proposed; null: we can. */
export function reasonToDecline(
  proposal: Proposal,
  here: {
    policy: Policy;
    keys: GroupKeys;
    me: Speaker;
    /** Whether this node takes the seat that a policy would give it. */
    isWilling: (policy: Policy) => boolean;
  },
): string | null {
  const { keys, policy } = here;
  const isMember = proposal.members.some((one) => one.validatorId === here.me.validatorId);
  // Who only hands its share on takes no seat.
  const wanted = { ...policy, validators: validatorsOf(proposal.members) };
  if (isMember && !here.isWilling(wanted)) return "not-willing";
  const { registerId, epoch, previous } = proposal;
  // Of a session that came to nothing we may hold a share of this very epoch: it is another's.
  if (epoch <= (keys.active(registerId, policy)?.epoch ?? 0)) return "old-epoch";
  if (previous === null) return policy.groupPublicKey === undefined ? null : "has-group";
  const bytes = commitmentBytes(previous);
  if (groupKeyText({ commitments: bytes }) !== policy.groupPublicKey) return "other-key";
  // A member may be without a share of the old key, and gets one of the new.
  const active = keys.active(registerId, policy);
  if (isMember) return null;
  return active !== null && isSameKey(active, bytes) ? null : "no-share";
}
