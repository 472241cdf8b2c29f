import type { Policy } from "../dockets/types.ts";
import { type SealingMessage, sealingKind } from "../wire/sealing-messages.ts";
import type { CouncilOptions } from "./council-options.ts";
import { type Proposal, policyIn } from "./proposal.ts";
import { isMember, isSaidBy, seatOf } from "./statements.ts";

/**
 * A new register in which the message gives this node a seat, as the first validator of its policy
 * proposes it or as it was sealed since; null where it is anything else, or not wanted here.
 */
export function readInvitation(
  message: SealingMessage,
  options: Pick<CouncilOptions, "registerId" | "nodeId" | "signer" | "isInvited">,
): { policy: Policy; proposal: Proposal } | null {
  const { kind, docketNumber, docketHash: hash, bundle } = message;
  const isFirst = kind === sealingKind.propose || kind === sealingKind.sealed;
  const policy = docketNumber === 0 && isFirst ? policyIn(bundle) : null;
  if (policy === null || !isMember(policy, options) || !options.isInvited(policy)) return null;
  const seat = seatOf({ registerId: options.registerId, number: 0, policy }, options);
  const isTheirs = isSaidBy(seat, { kind: "propose", round: 0, docketHash: hash }, message);
  if (kind === sealingKind.propose && !isTheirs) return null;
  return { policy, proposal: { hash, bundle } };
}
