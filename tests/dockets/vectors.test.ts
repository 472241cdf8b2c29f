import { describe, expect, test } from "bun:test";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import {
  docketHash,
  leafHash,
  payloadHash,
  sha256Hex,
  transactionText,
} from "../../src/dockets/hash.ts";
import { merkleRoot } from "../../src/dockets/merkle.ts";
import { isSignatureTrue } from "../../src/dockets/signature.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import vectors from "../vectors/docket-vectors.json";
import { policyOf, signerOf } from "./ledger.ts";

/** Vectors that were computed by another program. */
describe("vectors", () => {
  test("leaves, roots, hashes and signatures of every docket agree", () => {
    for (const docket of vectors.dockets) {
      const leaves = docket.transactions.map((transaction) => {
        const { payloadJson, createdAtMs, transactionId, leaf, signature } = transaction;
        expect(payloadHash(payloadJson)).toBe(transaction.payloadHash);
        expect(leafHash({ ...transaction, createdAt: "" }, createdAtMs)).toBe(leaf);
        const text = transactionText(transactionId, transaction.payloadHash);
        expect(isSignatureTrue(signature, text)).toBe(true);
        return leaf;
      });
      expect(merkleRoot(leaves)).toBe(docket.merkleRoot);
      const { registerId } = vectors;
      expect(docketHash({ ...docket, registerId, timeMs: docket.createdAtMs })).toBe(
        docket.docketHash,
      );
    }
  });

  test("Merkle roots of counted leaves agree, the doubled last leaf included", () => {
    for (const { count, root } of vectors.merkle) expect(merkleRoot(leavesOf(count))).toBe(root);
    const three = ["a", "b", "c"].map((text) => sha256Hex(text));
    expect(merkleRoot(three)).toBe(vectors.duplicated.threeLeafRoot);
    expect(merkleRoot([...three, three[2] as string])).toBe(vectors.duplicated.fourLeafRoot);
  });

  test("verifyPage takes the chain behind its first docket, under the vectors' validator", () => {
    const publicKey = signerOf(vectors.keys.validatorSeedByte).publicKey;
    const validators = [{ validatorId: "validator-1", publicKey, algorithm: "ED25519" }];
    const outcome = verifyPage({
      registerId: vectors.registerId,
      bytes: encodePage({ bundles: chain().slice(1), headNumber: 0, firstVersion: 0 }),
      nextNumber: 1,
      policy: policyOf({ validators }),
      nowMs: 1_800_000_000_000,
      verifyTransactions: "all",
      acceptUnsealed: false,
    });
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    expect(outcome.value.dockets.map((docket) => docket.hash)).toEqual(
      vectors.dockets.slice(1).map((docket) => docket.docketHash),
    );
  });
});

function leavesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => sha256Hex(`leaf ${index}`));
}

function chain(): Uint8Array[] {
  const { registerId } = vectors;
  return vectors.dockets.map((docket) => {
    const bodies = docket.transactions.map((transaction) => ({
      transactionId: transaction.transactionId,
      registerId,
      payloadJson: transaction.payloadJson,
      payloadHash: transaction.payloadHash,
      createdAt: new Date(transaction.createdAtMs).toISOString(),
      signatures: [transaction.signature],
    }));
    const { docketNumber, previousHash, merkleRoot: root, proposerSignature } = docket;
    const document = {
      docketId: docket.docketHash,
      registerId,
      docketNumber,
      previousHash,
      docketHash: docket.docketHash,
      merkleRoot: root,
      createdAt: new Date(docket.createdAtMs).toISOString(),
      proposerValidatorId: "validator-1",
      proposerSignature,
      votes: [],
      transactions: bodies.map(({ transactionId, payloadHash: hash, createdAt }) => ({
        transactionId,
        payloadHash: hash,
        createdAt,
      })),
    };
    return encodeBundle({ docketData: bytesOf(document), transactionData: bodies.map(bytesOf) });
  });
}

function bytesOf(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}
