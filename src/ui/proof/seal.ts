import type { Docket, Policy, Signature } from "../../dockets/types.ts";
import { headerText } from "./header.ts";
import { algorithmOf, isSigned } from "./signature.ts";
import { bytesOf, type Step } from "./step.ts";

/** Who may seal, as far as a seal's check goes. */
export type Sealers = Pick<Policy, "validators" | "threshold" | "groupPublicKey">;

/**
 * Whether a docket's seal is what the policy asks for, by the rules of `src/dockets/seal.ts`: each
 * signature that is there is true and of a validator, none twice, and together they reach the
 * threshold, unless the group has signed.
 */
export async function sealSteps(
  docket: Docket,
  given: { policy: Sealers; subtle: SubtleCrypto },
): Promise<Step[]> {
  const { policy, subtle } = given;
  if (policy.validators.length === 0) return [{ ...nothing(docket), isOpen: true }];
  const signed = signaturesOf(docket);
  const steps: Step[] = [];
  for (const one of signed) {
    steps.push(await signatureStep(one, { text: headerText(docket), policy, subtle }));
  }
  if (docket.groupSignature !== undefined) steps.push(await groupStep(docket, policy));
  if (steps.length === 0) return [nothing(docket)];
  if (docket.groupSignature === undefined) steps.push(countStep(signed, policy));
  return steps;
}

interface Signed {
  validatorId: string;
  title: string;
  signature: Signature;
}

/** The proposer's signature and the votes. */
function signaturesOf(docket: Docket): Signed[] {
  const { proposerSignature: signature, proposerValidatorId: validatorId, votes } = docket;
  const own =
    signature === null
      ? []
      : [{ validatorId, title: `Sealed by ${validatorId}, who proposed it`, signature }];
  return [
    ...own,
    ...votes.map((vote) => ({
      validatorId: vote.validatorId,
      title: `Vote of ${vote.validatorId}`,
      signature: vote.validatorSignature,
    })),
  ];
}

async function signatureStep(
  one: Signed,
  given: { text: string; policy: Sealers; subtle: SubtleCrypto },
): Promise<Step> {
  const { signature } = one;
  const named = given.policy.validators.find((known) => known.validatorId === one.validatorId);
  const isTrue = await isSigned(signature, given.text, given.subtle);
  const isTheirs =
    named !== undefined &&
    named.publicKey === signature.publicKey &&
    algorithmOf(named.algorithm) === algorithmOf(signature.algorithm);
  return {
    title: one.title,
    input: `${signature.algorithm} over the docket's hash`,
    computed: signature.publicKey,
    expected: named?.publicKey ?? "no validator of the policy",
    isTrue: isTrue === true && isTheirs,
    ...(isTrue === null && isTheirs ? { isOpen: true } : {}),
  };
}

/** Seals of a group are one signature, however many made it. */
async function groupStep(docket: Docket, policy: Sealers): Promise<Step> {
  const { groupSignature = "", docketHash } = docket;
  const { groupPublicKey } = policy;
  const step = {
    title: `The group's signature, by ${policy.threshold} of ${policy.validators.length}`,
    input: `BLS12-381 over the docket's hash, under the key ${groupPublicKey ?? "of no group"}`,
    computed: groupSignature,
    expected: "",
  };
  if (groupPublicKey === undefined) return { ...step, isTrue: false };
  try {
    const { isGroupSignatureTrue } = await import("./curves.ts");
    const hash = Uint8Array.from(docketHash.match(/../g) ?? [], (pair) =>
      Number.parseInt(pair, 16),
    );
    const key = bytesOf(groupPublicKey);
    const signature = bytesOf(groupSignature);
    return { ...step, isTrue: isGroupSignatureTrue({ signature, key, hash }) };
  } catch {
    return { ...step, isTrue: false };
  }
}

function countStep(signed: readonly Signed[], policy: Sealers): Step {
  const distinct = new Set(signed.map((one) => one.validatorId)).size;
  const isTrue = distinct === signed.length && distinct >= policy.threshold;
  return {
    title: `${distinct} of the ${policy.threshold} signatures that the policy asks for`,
    input: policy.validators.map((one) => one.validatorId).join(", "),
    computed: `${distinct} of ${policy.validators.length} validators`,
    expected: isTrue ? "" : `${policy.threshold} distinct ones, none of them twice`,
    isTrue,
  };
}

function nothing(docket: Docket): Step {
  return {
    title: "The docket's seal",
    input: headerText(docket),
    computed: "none",
    expected: "",
    isTrue: false,
  };
}
