import { present } from "../base/assert.ts";
import { base64urlOf, bytesOfHex } from "../base/bytes.ts";
import { docketText } from "../dockets/hash.ts";
import type { Signer } from "../dockets/keys.ts";
import { isSignatureTrue } from "../dockets/signature.ts";
import { timeMsOf } from "../dockets/time.ts";
import type { Docket, Policy, Signature } from "../dockets/types.ts";

/**
 * How the validators of a register make the seal of a docket that they decided on: each signs the
 * hash, one of them assembles. `signDocket` is called once durably nothing else can be signed.
 */
export interface SealMode {
  /** This node's part of the seal, base64url. */
  signDocket(number: number, hash: string): Promise<string>;
  /** Whether a validator's part is one. */
  isTrue(docket: Docket, part: { validatorId: string; value: string }): Promise<boolean>;
  /** The docket with its seal; the parts were found true and are as many as it needs. */
  assemble(docket: Docket, parts: ReadonlyMap<string, string>): Promise<Docket>;
}

/** Mode `votes`: each validator's own signature stands in the docket. */
export function votesMode(policy: Policy, signer: Signer): SealMode {
  const signatureOf = (validatorId: string, signatureValue: string): Signature | null => {
    const validator = policy.validators.find((one) => one.validatorId === validatorId);
    if (validator === undefined) return null;
    const { publicKey, algorithm } = validator;
    return { publicKey, signatureValue, algorithm };
  };
  return {
    signDocket: async (_number, hash) =>
      base64urlOf(signer.sign(present(bytesOfHex(hash), "a docket hash in hex"))),
    isTrue: async (docket, { validatorId, value }) => {
      const signature = signatureOf(validatorId, value);
      const timeMs = present(timeMsOf(docket.createdAt), "a docket's time");
      return signature !== null && isSignatureTrue(signature, docketText({ ...docket, timeMs }));
    },
    assemble: async (docket, parts) => {
      const names = [...parts.keys()].sort();
      const hasProposers = parts.has(docket.proposerValidatorId);
      const first = hasProposers ? docket.proposerValidatorId : present(names[0], "a signature");
      const votes = names.flatMap((validatorId) => {
        const validatorSignature = signatureOf(validatorId, parts.get(validatorId) ?? "");
        if (validatorId === first || validatorSignature === null) return [];
        return [{ validatorId, validatorSignature }];
      });
      const proposerSignature = signatureOf(first, parts.get(first) ?? "");
      return { ...docket, proposerValidatorId: first, proposerSignature, votes };
    },
  };
}
