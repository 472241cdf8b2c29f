import { PeerError } from "../base/error.ts";
import { buildTransaction } from "../dockets/envelope.ts";
import type { Signer } from "../dockets/keys.ts";
import { policyPayload, policyText } from "../dockets/policy.ts";
import type { Policy } from "../dockets/types.ts";
import { sql } from "../store/sql.ts";
import type { BuiltTransaction } from "./batch.ts";
import { checkSeats, type NamedValidator, usualThreshold, validatorsOf } from "./founding.ts";
import { approvePolicy } from "./policy-approvals-table.ts";
import { isMember } from "./statements.ts";

/** What is to be different; what is left out stays as it is. */
export interface PolicyChange {
  registerId: string;
  /** All of them, in their new order. */
  validators?: NamedValidator[];
  threshold?: number;
  isPublic?: boolean;
  name?: string;
  description?: string;
  readers?: string[];
}

/** The whole policy that the change makes of the one in force. */
export function policyAfterChange(
  change: PolicyChange,
  given: { held: Policy; nodeId: string; signer: Signer },
): Policy {
  const { held } = given;
  if (!isMember(held, given)) {
    throw new PeerError("conflict", "not-a-validator", {
      message: "Only validators of a register change its policy; this node is none",
    });
  }
  const { registerId: _, validators: named, ...rest } = change;
  const validators = named === undefined ? held.validators : validatorsOf(named);
  const isOther = validators.length !== held.validators.length;
  const usual = isOther ? usualThreshold(validators.length) : held.threshold;
  const threshold = change.threshold ?? usual;
  checkSeats(validators, threshold);
  const version = held.version + 1;
  const isSameGroup = named === undefined && threshold === held.threshold;
  // A group's key belongs to its members and their number: other ones get theirs by a reshare.
  const { groupPublicKey, groupShares: _shares, ...bare } = held;
  const kept = groupPublicKey !== undefined && isSameGroup ? held : bare;
  return { ...kept, ...rest, validators, threshold, version };
}

/**
 * The policy as a transaction that every operator's node makes alike, so that one of them is
 * enough; this node votes for it from now on, and for no other change of this register.
 */
export async function agreeTo(
  agreed: { registerId: string; policy: Policy },
  by: { signer: Signer; nowMs: number },
): Promise<BuiltTransaction> {
  const { registerId, policy } = agreed;
  const { signer, nowMs: createdAtMs } = by;
  await approvePolicy(sql(), { registerId, policy: policyText(policy) });
  return buildTransaction({ registerId, payloadJson: policyPayload(policy), createdAtMs, signer });
}
