/** Registers made up for tests: keys from one-byte seeds, ascending times, all repeatable. */
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import {
  buildDocket,
  buildGenesis,
  buildPayload,
  buildTransaction,
  leafOf,
} from "../../src/dockets/envelope.ts";
import { type Signer, signerOfSeed } from "../../src/dockets/keys.ts";
import { policyPayload } from "../../src/dockets/policy.ts";
import { signText } from "../../src/dockets/signature.ts";
import type { Docket, Policy, Transaction, Vote } from "../../src/dockets/types.ts";
import type { VerifyRequest } from "../../src/dockets/verify.ts";

export const startMs = 1_700_000_000_000;
export const nowMs = startMs + 3_600_000;

export interface Made {
  docket: Docket;
  docketData: Uint8Array;
  bodies: Transaction[];
  transactionData: Uint8Array[];
}

export function signerOf(seedByte: number): Signer {
  return signerOfSeed(new Uint8Array(32).fill(seedByte));
}

/** A policy of validators v1…vn, whose keys come from the seed bytes 1…n. */
export function policyOf(facts: Partial<Policy> & { count?: number } = {}): Policy {
  const { count = 1, ...rest } = facts;
  const validators = Array.from({ length: count }, (_, index) => ({
    validatorId: `v${index + 1}`,
    publicKey: signerOf(index + 1).publicKey,
    algorithm: "ED25519",
  }));
  return {
    version: 1,
    validators,
    threshold: 1,
    isPublic: true,
    name: "notes",
    description: "",
    ...rest,
  };
}

/** A register that grows docket by docket. */
export class Ledger {
  readonly made: Made[] = [];

  constructor(
    readonly registerId = "aebf26362e079087571ac0932d4db973",
    public policy = policyOf(),
    readonly voters: number[] = [],
  ) {
    const genesis = buildGenesis({
      registerId,
      policy,
      createdAtMs: startMs,
      signer: signerOf(1),
      votes: (text) => votesOf(voters, text),
    });
    const body = JSON.parse(new TextDecoder().decode(genesis.transactionData[0])) as Transaction;
    this.made.push({ ...genesis, bodies: [body] });
  }

  transaction(data: unknown, nonce = "n"): { transaction: Transaction; bytes: Uint8Array } {
    return buildTransaction({
      registerId: this.registerId,
      payloadJson: buildPayload({
        type: "Action",
        sender: "me",
        recipients: ["you"],
        previousTransactionId: null,
        nonce,
        dataText: JSON.stringify(data),
      }),
      createdAtMs: startMs + this.made.length,
      signer: signerOf(9),
    });
  }

  policyTransaction(policy: Policy): { transaction: Transaction; bytes: Uint8Array } {
    return this.payload(policyPayload(policy));
  }

  payload(payloadJson: string): { transaction: Transaction; bytes: Uint8Array } {
    return buildTransaction({
      registerId: this.registerId,
      payloadJson,
      createdAtMs: startMs + this.made.length,
      signer: signerOf(9),
    });
  }

  /** Seals the next docket; by default one with `count` small transactions. */
  add(
    options: {
      count?: number;
      with?: { transaction: Transaction; bytes: Uint8Array }[];
      signer?: Signer;
      validatorId?: string;
      voters?: number[];
      createdAtMs?: number;
    } = {},
  ): this {
    const number = this.made.length;
    const last = this.made[number - 1] as Made;
    const chosen =
      options.with ??
      Array.from({ length: options.count ?? 2 }, (_, index) =>
        this.transaction({ docket: number, index, text: 'żółć \u2028 "x"' }, `${number}-${index}`),
      );
    const { docket, bytes } = buildDocket({
      registerId: this.registerId,
      number,
      previousHash: last.docket.docketHash,
      createdAtMs: options.createdAtMs ?? startMs + number * 1000,
      proposerValidatorId: options.validatorId ?? "v1",
      leaves: chosen.map((one) => leafOf(one.transaction)),
      signer: options.signer ?? signerOf(1),
      votes: (text) => votesOf(options.voters ?? this.voters, text),
    });
    this.made.push({
      docket,
      docketData: bytes,
      bodies: chosen.map((one) => one.transaction),
      transactionData: chosen.map((one) => one.bytes),
    });
    return this;
  }

  /** A page of the dockets from `from` up to but without `to`. */
  page(from = 0, to = this.made.length): Uint8Array<ArrayBuffer> {
    return pageOf(this.made.slice(from, to));
  }

  request(facts: Partial<VerifyRequest> = {}): VerifyRequest {
    const nextNumber = facts.nextNumber ?? 0;
    return {
      registerId: this.registerId,
      bytes: this.page(nextNumber),
      nextNumber,
      policy: nextNumber === 0 ? null : this.policy,
      nowMs,
      verifyTransactions: "all",
      acceptUnsealed: false,
      ...facts,
    };
  }
}

/** Votes of the validators with these seed bytes. */
export function votesOf(seedBytes: number[], text: string): Vote[] {
  return seedBytes.map((seedByte) => ({
    validatorId: `v${seedByte}`,
    validatorSignature: signText(signerOf(seedByte), text),
  }));
}

export function pageOf(
  bundles: { docketData: Uint8Array; transactionData: Uint8Array[] }[],
): Uint8Array<ArrayBuffer> {
  return encodePage({ bundles: bundles.map(encodeBundle), headNumber: 0, firstVersion: 0 });
}

/** A document rewritten as JSON after a change of its value. */
export function rewritten<T>(bytes: Uint8Array, change: (value: T) => void): Uint8Array {
  const value = JSON.parse(new TextDecoder().decode(bytes)) as T;
  change(value);
  return new TextEncoder().encode(JSON.stringify(value));
}
