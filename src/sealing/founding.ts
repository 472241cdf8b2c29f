import { bytesOfBase64url } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { encodeBundle, encodePage } from "../dockets/bundle.ts";
import {
  buildGenesis,
  buildTransaction,
  docketBytes,
  draftDocket,
  leafOf,
} from "../dockets/envelope.ts";
import { genesisTransactionId } from "../dockets/hash.ts";
import type { Signer } from "../dockets/keys.ts";
import { policyPayload } from "../dockets/policy.ts";
import { isPublicKey } from "../dockets/signature.ts";
import type { Head, Outcome, Policy, Validator } from "../dockets/types.ts";
import { registerOf } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Council } from "./council.ts";
import { refusedByUs } from "./sealer.ts";

/** Another validator, as its operator tells it: `sorcha-peer keys show`. */
export interface NamedValidator {
  validatorId: string;
  publicKey: string;
}

export interface NewRegister {
  name: string;
  description?: string;
  isPublic?: boolean;
  readers?: string[];
  /** Besides this node, or with it. */
  validators?: NamedValidator[];
  /** Signatures that a docket needs; left out: more than two thirds of all. */
  threshold?: number;
}

/** The first policy of a register: this node first, then the others. */
export function policyOfNew(request: NewRegister, own: { nodeId: string; signer: Signer }): Policy {
  const { publicKey, algorithm } = own.signer;
  const self: Validator = { validatorId: own.nodeId, publicKey, algorithm };
  const others = validatorsOf(request.validators ?? []);
  const rest = others.filter((one) => one.publicKey !== publicKey);
  const validators = [self, ...rest];
  const { threshold = usualThreshold(validators.length) } = request;
  checkSeats(validators, threshold);
  return {
    version: 1,
    validators,
    threshold,
    isPublic: request.isPublic ?? true,
    name: request.name,
    description: request.description ?? "",
    ...(request.readers === undefined ? {} : { readers: request.readers }),
  };
}

/** Ed25519 keys, which is what nodes have. */
export function validatorsOf(named: readonly NamedValidator[]): Validator[] {
  return named.map(({ validatorId, publicKey }) => {
    const key = bytesOfBase64url(publicKey);
    if (key !== null && isPublicKey("ED25519", key)) {
      return { validatorId, publicKey, algorithm: "ED25519" };
    }
    throw new PeerError("invalid", "bad-validator", {
      message: `The key of validator ${validatorId} is not base64url of an Ed25519 key`,
    });
  });
}

/** Two thirds and one more: a third may lie, or be away. */
export function usualThreshold(count: number): number {
  return Math.min(count, Math.floor((2 * count) / 3) + 1);
}

/** Throws `bad-threshold` or `bad-validator` for seats that could not seal safely. */
export function checkSeats(validators: readonly Validator[], threshold: number): void {
  const lowest = validators.length === 1 ? 1 : Math.floor(validators.length / 2) + 1;
  if (threshold < lowest || threshold > validators.length) {
    throw new PeerError("invalid", "bad-threshold", {
      message: `With ${validators.length} validators the threshold is from ${lowest} to ${validators.length}`,
    });
  }
  const names = new Set(validators.map((one) => one.validatorId));
  const keys = new Set(validators.map((one) => one.publicKey));
  if (names.size === validators.length && keys.size === validators.length) return;
  throw new PeerError("invalid", "bad-validator", {
    message: "No two validators have one id or one key",
  });
}

/** Seals the genesis docket with this node's key. */
export async function foundAlone(
  register: { registerId: string; policy: Policy },
  given: {
    nodeId: string;
    signer: Signer;
    clock: Clock;
    takeIn: (page: {
      registerId: string;
      bytes: Uint8Array;
      isOrigin: boolean;
    }) => Promise<Outcome<Head>>;
  },
): Promise<string> {
  const { registerId } = register;
  const { nodeId: validatorId, signer, clock, takeIn } = given;
  const genesis = buildGenesis({ ...register, createdAtMs: clock.nowMs(), validatorId, signer });
  const bytes = encodePage({ bundles: [encodeBundle(genesis)], headNumber: 0, firstVersion: 1 });
  const outcome = await takeIn({ registerId, bytes, isOrigin: true });
  if (!outcome.ok) throw refusedByUs(outcome.refusal);
  return outcome.value.hash;
}

/** Lets the validators seal the genesis docket; resolves with its hash once it is stored here. */
export async function foundTogether(
  register: { registerId: string; policy: Policy },
  given: { council: Council; nodeId: string; signer: Signer; clock: Clock },
): Promise<string> {
  const { registerId, policy } = register;
  const { council, nodeId, signer, clock } = given;
  const createdAtMs = clock.nowMs();
  const { transaction, bytes } = buildTransaction({
    registerId,
    payloadJson: policyPayload(policy),
    createdAtMs,
    transactionId: genesisTransactionId(registerId),
    signer,
  });
  const { docket } = draftDocket({
    registerId,
    number: 0,
    previousHash: "",
    createdAtMs,
    proposerValidatorId: nodeId,
    leaves: [leafOf(transaction)],
  });
  const bundle = encodeBundle({ docketData: docketBytes(docket), transactionData: [bytes] });
  council.found(policy, { hash: docket.docketHash, bundle });
  const untilMs = clock.monotonicMs() + limits.foundingMs;
  while (registerOf(registerId) === null) {
    if (clock.monotonicMs() > untilMs) throw await abandon(council, policy);
    await clock.sleep(lookMs);
  }
  return docket.docketHash;
}

async function abandon(council: Council, policy: Policy): Promise<PeerError> {
  const silent = await council.giveUpFounding();
  const names = silent.length === 0 ? "some" : silent.join(", ");
  return new PeerError("unavailable", "validators-silent", {
    message: `Not enough of the ${policy.validators.length} validators agreed in time; silent: ${names}`,
    facts: { silent },
  });
}

const lookMs = 25;
