import { assert } from "../../src/base/assert.ts";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import {
  buildDocket,
  buildGenesis,
  buildPayload,
  buildTransaction,
  leafOf,
} from "../../src/dockets/envelope.ts";
import { anchorAfter, joinPage } from "../../src/dockets/join.ts";
import { type Signer, signerOfSeed } from "../../src/dockets/keys.ts";
import { policyPayload } from "../../src/dockets/policy.ts";
import type {
  Anchor,
  CheckedPage,
  DocketBundle,
  Policy,
  VerifiedPage,
} from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";

const startMs = Date.UTC(2026, 0, 1);

/** A register that a test seals: real documents, one validator, one docket a second. */
export class TestChain {
  readonly signer: Signer;
  readonly policy: Policy;
  readonly bundles: DocketBundle[] = [];
  /** Ids of each docket's transactions. */
  readonly transactionIds: string[][] = [];
  /** Changes of the policy, and the docket from which on each holds. */
  readonly #turns: { from: number; policy: Policy; sealer: Signer }[] = [];
  #hash = "";
  #made = 0;

  constructor(
    readonly registerId: string,
    options: { seed?: number; name?: string } = {},
  ) {
    this.signer = signerOfSeed(new Uint8Array(32).fill(options.seed ?? 1));
    this.policy = {
      version: 1,
      validators: [
        { validatorId: "v1", publicKey: this.signer.publicKey, algorithm: this.signer.algorithm },
      ],
      threshold: 1,
      isPublic: true,
      name: options.name ?? "test",
      description: "Made by a test",
    };
    const { docket, ...bundle } = buildGenesis({
      registerId,
      policy: this.policy,
      createdAtMs: startMs,
      signer: this.signer,
    });
    this.#keep(
      bundle,
      docket.docketHash,
      docket.transactions.map((leaf) => leaf.transactionId),
    );
  }

  /** Seals a docket with these records, each the JSON text of a transaction's data. */
  seal(
    records: readonly string[],
    options: { type?: string; sender?: string; recipients?: string[] } = {},
  ): this {
    const createdAtMs = this.#nextMs();
    const built = records.map((dataText) =>
      buildTransaction({
        registerId: this.registerId,
        payloadJson: buildPayload({
          type: options.type ?? "Action",
          sender: options.sender ?? "tester",
          recipients: options.recipients ?? [],
          previousTransactionId: null,
          nonce: String(this.#made++),
          dataText,
        }),
        createdAtMs,
        signer: this.signer,
      }),
    );
    this.#sealBuilt(built);
    return this;
  }

  /** Seals a docket that changes the policy: from the next one on it is `seed`'s key that seals. */
  sealPolicy(options: { seed: number }): this {
    const sealer = signerOfSeed(new Uint8Array(32).fill(options.seed));
    const { publicKey, algorithm } = sealer;
    const policy = {
      ...this.policy,
      version: this.policy.version + this.#turns.length + 1,
      validators: [{ validatorId: "v1", publicKey, algorithm }],
    };
    const payloadJson = policyPayload(policy);
    const { registerId, signer } = this;
    this.#sealBuilt([
      buildTransaction({ registerId, payloadJson, createdAtMs: this.#nextMs(), signer }),
    ]);
    this.#turns.push({ from: this.bundles.length, policy, sealer });
    return this;
  }

  /** `dockets` dockets of `transactions` records each. */
  sealMany(dockets: number, transactions = 2): this {
    for (let docket = 0; docket < dockets; docket++) {
      this.seal(Array.from({ length: transactions }, (_, index) => `{"n":${index}}`));
    }
    return this;
  }

  /** A frame of the dockets `from` to `to`, the last one included. */
  frame(from: number, to: number): Uint8Array<ArrayBuffer> {
    return encodePage({
      bundles: this.bundles.slice(from, to + 1).map(encodeBundle),
      headNumber: this.bundles.length - 1,
      firstVersion: 1 + this.transactionIds.slice(0, from).flat().length,
    });
  }

  /** The frame, verified. */
  check(from: number, to: number): CheckedPage {
    const checked = verifyPage({
      registerId: this.registerId,
      bytes: this.frame(from, to),
      nextNumber: from,
      policy: from === 0 ? null : this.policyAt(from),
      nowMs: startMs + 1e9,
      verifyTransactions: "none",
      acceptUnsealed: false,
    });
    assert(checked.ok, checked.ok ? "" : `a test page is true: ${checked.refusal.message}`);
    return checked.value;
  }

  /** The frame, verified and joined to the docket before it. */
  page(from: number, to: number): VerifiedPage {
    const joined = joinPage(this.anchorBefore(from), this.check(from, to));
    assert(joined.ok, joined.ok ? "" : `a test page fits: ${joined.refusal.message}`);
    return joined.value;
  }

  anchorBefore(number: number): Anchor {
    if (number === 0) {
      const { registerId } = this;
      return { registerId, nextNumber: 0, previousHash: "", previousTimeMs: 0, policy: null };
    }
    return anchorAfter(this.check(number - 1, number - 1));
  }

  /** In force for docket `number`. */
  policyAt(number: number): Policy {
    return this.#turns.findLast(({ from }) => from <= number)?.policy ?? this.policy;
  }

  #nextMs(): number {
    return startMs + this.bundles.length * 1_000;
  }

  #sealBuilt(built: readonly ReturnType<typeof buildTransaction>[]): void {
    const number = this.bundles.length;
    const { docket, bytes } = buildDocket({
      registerId: this.registerId,
      number,
      previousHash: this.#hash,
      createdAtMs: this.#nextMs(),
      proposerValidatorId: "v1",
      leaves: built.map(({ transaction }) => leafOf(transaction)),
      signer: this.#turns.findLast(({ from }) => from <= number)?.sealer ?? this.signer,
    });
    const bundle = { docketData: bytes, transactionData: built.map((one) => one.bytes) };
    this.#keep(
      bundle,
      docket.docketHash,
      built.map((one) => one.transaction.transactionId),
    );
  }

  #keep(bundle: DocketBundle, hash: string, transactionIds: string[]): void {
    this.bundles.push(bundle);
    this.transactionIds.push(transactionIds);
    this.#hash = hash;
  }
}
