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
  /** What a validator's part is worth. What is dear to find out may be left to `assemble`. */
  judge(docket: Docket, part: Part): Promise<PartWorth>;
  /** The docket with its seal, of parts that count and are as many as it needs. */
  assemble(docket: Docket, parts: ReadonlyMap<string, string>): Promise<Assembled>;
}

export interface Part {
  validatorId: string;
  /** Base64url. */
  value: string;
}

/** `unknown`: this node can't tell, and makes no seal. */
export type PartWorth = "counts" | "false" | "unknown";

export interface Assembled {
  /** Null where parts turned out false. */
  docket: Docket | null;
  /** Validators whose parts those are. */
  faulty: readonly string[];
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
    judge: async (docket, { validatorId, value }) => {
      const signature = signatureOf(validatorId, value);
      const timeMs = present(timeMsOf(docket.createdAt), "a docket's time");
      if (signature === null) return "unknown";
      return isSignatureTrue(signature, docketText({ ...docket, timeMs })) ? "counts" : "false";
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
      const sealed = { ...docket, proposerValidatorId: first, proposerSignature, votes };
      return { docket: sealed, faulty: [] };
    },
  };
}
