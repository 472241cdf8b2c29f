import { describe, expect, test } from "bun:test";
import { encodeInclusion, verifyInclusionFile } from "../../src/dockets/inclusion.ts";
import { reseal } from "../support/faults.ts";
import { TestChain } from "../support/test-chain.ts";

const nowMs = Date.UTC(2026, 5, 1);
const chain = new TestChain("r").sealMany(6, 5);
const genesisHash = chain.anchorBefore(1).previousHash;

function documents(of: TestChain, number: number) {
  const bundle = of.bundles[number];
  if (bundle === undefined) throw new Error("no bundle");
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { docket: text(bundle.docketData), transactions: bundle.transactionData.map(text) };
}

function proof(
  number: number,
  changes: Partial<Parameters<typeof encodeInclusion>[0]> = {},
): Uint8Array {
  const { docket, transactions } = documents(chain, number);
  const [first = "", second] = transactions;
  const transaction = second ?? first;
  const policyPage = chain.frame(0, 0);
  const whole = { registerId: "r", docket, transaction, policyPage, ...changes };
  return new TextEncoder().encode(encodeInclusion(whole));
}

function codeOf(bytes: Uint8Array, pin?: string): string {
  const verified = verifyInclusionFile(bytes, {
    nowMs,
    ...(pin === undefined ? {} : { genesisHash: pin }),
  });
  return verified.ok ? "true" : verified.refusal.code;
}

describe("verifyInclusionFile", () => {
  test("believes a transaction that a docket sealed under the policy lists, and says where", () => {
    const verified = verifyInclusionFile(proof(3), { nowMs, genesisHash });
    expect(verified).toMatchObject({
      ok: true,
      value: { registerId: "r", genesisHash, docketNumber: 3, position: 1 },
    });
    expect(codeOf(proof(0), genesisHash)).toBe("true");
  });

  test("believes nothing that is not sealed, listed, or of the register that was asked for", () => {
    const [other = ""] = documents(chain, 4).transactions;
    const { docket, transactions } = documents(chain, 3);
    const transaction = transactions[1] ?? "";
    const forged = reseal(chain.bundles[3]!, { seed: 66 }).docketData;
    const cases: [Uint8Array, string, string?][] = [
      [proof(3), "genesis", "ab".repeat(32)],
      [proof(3, { transaction: other }), "count"],
      [
        proof(3, { transaction: transaction.replace(/"createdAt":"20/, '"createdAt":"21') }),
        "merkle",
      ],
      [proof(3, { transaction: transaction.replace('\\"data\\"', '\\"date\\"') }), "payload-hash"],
      [proof(3, { docket: docket.replace(/("payloadHash":")./g, "$10") }), "merkle"],
      [proof(3, { docket: docket.replace(/"merkleRoot":"./, '"merkleRoot":"') }), "schema"],
      [proof(3, { docket: new TextDecoder().decode(forged) }), "seal"],
      [proof(3, { registerId: "s" }), "register"],
    ];
    for (const [bytes, code, pin] of cases)
      expect([code, codeOf(bytes, pin)]).toEqual([code, code]);
  });

  test("refuses anything else in a sentence, and no bent bit changes what is proven", () => {
    for (const text of ["", "{}", "[]", "null", '{"type":"sorcha.inclusion.v1"}', "\u0000"]) {
      expect(codeOf(new TextEncoder().encode(text))).toBe("schema");
    }
    const whole = proof(2);
    const told = verifyInclusionFile(whole, { nowMs });
    if (!told.ok) throw new Error(told.refusal.message);
    for (let at = 0; at < whole.length; at += 31) {
      const bent = Uint8Array.from(whole);
      bent[at] = (bent[at] as number) ^ 1;
      const verified = verifyInclusionFile(bent, { nowMs, genesisHash });
      if (verified.ok) expect(verified.value).toEqual(told.value);
    }
  });
});
