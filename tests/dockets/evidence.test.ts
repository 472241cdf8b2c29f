import { describe, expect, test } from "bun:test";
import { encodeEvidence, verifyEvidence } from "../../src/dockets/evidence.ts";
import { forkOf, reseal } from "../support/faults.ts";
import { TestChain } from "../support/test-chain.ts";

const nowMs = Date.UTC(2026, 5, 1);
const chain = new TestChain("r").sealMany(20, 1);
const fork = forkOf(chain);

function evidence(changes: Partial<Parameters<typeof encodeEvidence>[0]> = {}): Uint8Array {
  return encodeEvidence({
    registerId: "r",
    docketNumber: 15,
    documents: [document(chain, 15), document(fork, 15)],
    policyPage: chain.frame(0, 0),
    ...changes,
  });
}

function document(of: TestChain, number: number): Uint8Array {
  return of.bundles[number]?.docketData ?? new Uint8Array(0);
}

function codeOf(bytes: Uint8Array, genesisHash?: string): string {
  const pin = genesisHash === undefined ? {} : { genesisHash };
  const verified = verifyEvidence(bytes, { nowMs, ...pin });
  return verified.ok ? "true" : verified.refusal.code;
}

describe("verifyEvidence", () => {
  test("believes two dockets with one number under one policy, and names the register", () => {
    const verified = verifyEvidence(evidence(), { nowMs });
    if (!verified.ok) throw new Error(verified.refusal.message);
    const { registerId, docketNumber, genesisHash, hashes } = verified.value;
    expect({ registerId, docketNumber }).toEqual({ registerId: "r", docketNumber: 15 });
    expect(genesisHash).toBe(chain.anchorBefore(1).previousHash);
    expect(hashes[0]).not.toBe(hashes[1]);
  });

  test("does not believe one docket told twice", () => {
    expect(codeOf(evidence({ documents: [document(chain, 15), document(chain, 15)] }))).toBe(
      "duplicate",
    );
  });

  test("does not believe dockets of two numbers", () => {
    expect(codeOf(evidence({ documents: [document(chain, 14), document(fork, 15)] }))).toBe(
      "number",
    );
  });

  test("does not believe a docket that somebody else signed", () => {
    const bundle = fork.bundles[15];
    if (bundle === undefined) throw new Error("no bundle");
    const forged = reseal(bundle, { seed: 66 }).docketData;
    expect(codeOf(evidence({ documents: [document(chain, 15), forged] }))).toBe("seal");
  });

  test("does not believe what is about another genesis than the one asked for", () => {
    expect(codeOf(evidence(), "ab".repeat(32))).toBe("genesis");
  });

  test("refuses anything else in a sentence", () => {
    for (const text of ["", "{}", "[]", '{"type":"sorcha.equivocation.v1"}', "\u0000"]) {
      expect(codeOf(new TextEncoder().encode(text))).toBe("schema");
    }
    const bytes = Buffer.from(evidence());
    for (let at = 0; at < bytes.length; at += 97) {
      const bent = Buffer.from(bytes);
      bent[at] = (bent[at] as number) ^ 1;
      // A bit of the unsigned parts may change; then what it says is still proven by the seals.
      const verified = verifyEvidence(bent, { nowMs });
      if (verified.ok) expect(verified.value.docketNumber).toBe(15);
    }
  });
});
