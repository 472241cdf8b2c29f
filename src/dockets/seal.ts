import { findFalseSeal, type GroupSeal } from "./group-seal.ts";
import { isUnsealed } from "./policy.ts";
import { algorithmOf, isSignatureTrue } from "./signature.ts";
import type { Docket, Policy, Signature } from "./types.ts";

/**
 * How a docket stands to the policy in force; `broken` says in a sentence what is wrong. Where a
 * group seals, `group` is what is left to check (`group-seal.ts`), which is cheaper for many.
 */
export type Seal =
  | { kind: "sealed"; group: GroupSeal | null }
  | { kind: "unsealed" }
  | { kind: "broken"; message: string };

/**
 * Checks the signatures on a docket. Every one that is there must be true and come from a validator
 * of the policy, none of them twice, and together they must reach the threshold, unless the group
 * has signed. A surplus vote that does not hold is refused as well: it would be stored and told on.
 *
 * `text` is the docket's text, whose hash the signatures are over. A docket is unsealed where the
 * register has nobody to believe (`unsealedPolicy`).
 */
export function checkSeal(docket: Docket, options: { policy: Policy; text: string }): Seal {
  const { policy, text } = options;
  if (isUnsealed(policy)) return { kind: "unsealed" };
  const group = groupSealOf(docket, policy);
  if (group === null && docket.groupSignature !== undefined) {
    return broken("The register has no group that could seal its dockets");
  }
  if (docket.proposerSignature === null && group === null) {
    return broken("The docket bears no seal");
  }
  const signed = signaturesOf(docket);
  if (new Set(signed.map((one) => one.validatorId)).size < signed.length) {
    return broken("A validator signed the docket twice");
  }
  if (group === null && signed.length < policy.threshold) {
    return broken(`The docket has ${signed.length} of the ${policy.threshold} signatures it needs`);
  }
  for (const { validatorId, signature } of signed) {
    const problem = problemWith(signature, { validatorId, policy, text });
    if (problem !== null) return broken(problem);
  }
  return { kind: "sealed", group };
}

/** As `checkSeal`, with nothing left to check. */
export function checkSealWholly(docket: Docket, options: { policy: Policy; text: string }): Seal {
  const seal = checkSeal(docket, options);
  if (seal.kind !== "sealed" || seal.group === null) return seal;
  return findFalseSeal([seal.group]) === null ? seal : broken(falseGroupSeal);
}

export const falseGroupSeal = "The group's signature is not true";

function groupSealOf(docket: Docket, policy: Policy): GroupSeal | null {
  const { groupSignature: signature, docketNumber, docketHash } = docket;
  const { groupPublicKey } = policy;
  if (signature === undefined || groupPublicKey === undefined) return null;
  return { docketNumber, docketHash, signature, groupPublicKey };
}

/** The proposer's signature and the votes. */
function signaturesOf(docket: Docket): { validatorId: string; signature: Signature }[] {
  const votes = docket.votes.map((vote) => ({
    validatorId: vote.validatorId,
    signature: vote.validatorSignature,
  }));
  const { proposerSignature: signature, proposerValidatorId: validatorId } = docket;
  return signature === null ? votes : [{ validatorId, signature }, ...votes];
}

/** True when a docket claims no seal at all, as foreign peers forward it. */
export function hasNoSeal(docket: Docket): boolean {
  return (
    docket.proposerSignature === null &&
    docket.votes.length === 0 &&
    docket.groupSignature === undefined
  );
}

function problemWith(
  signature: Signature,
  options: { validatorId: string; policy: Policy; text: string },
): string | null {
  const { validatorId, policy, text } = options;
  const validator = policy.validators.find((one) => one.validatorId === validatorId);
  if (validator === undefined) return `${validatorId} is not a validator of this register`;
  const isTheirs =
    signature.publicKey === validator.publicKey &&
    algorithmOf(signature.algorithm) === algorithmOf(validator.algorithm);
  if (!isTheirs) return `The key is not that of validator ${validatorId}`;
  return isSignatureTrue(signature, text) ? null : `The signature of ${validatorId} is not true`;
}

function broken(message: string): Seal {
  return { kind: "broken", message };
}
