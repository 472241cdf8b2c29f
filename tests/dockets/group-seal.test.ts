import { expect, test } from "bun:test";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { base64urlOf } from "../../src/base/bytes.ts";
import { findFalseSeal, type GroupSeal, groupKeyOf } from "../../src/dockets/group-seal.ts";
import { policyText } from "../../src/dockets/policy.ts";
import type { Docket } from "../../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../../src/dockets/verify.ts";
import { Ledger, type Made, pageOf, policyOf, rewritten, votesOf } from "./ledger.ts";

// One secret stands for a group's here: the library's own way of signing, none of ours.
const { shortSignatures } = bls12_381;
const groupOf = (seedByte: number) => {
  const secret = new Uint8Array(32).fill(seedByte);
  const publicKey = base64urlOf(shortSignatures.getPublicKey(secret).toBytes());
  const sign = (docketHash: string) =>
    base64urlOf(shortSignatures.sign(shortSignatures.hash(hexBytes(docketHash)), secret).toBytes());
  return { publicKey, sign };
};
const group = groupOf(7);
const policy = policyOf({ count: 3, threshold: 2, groupPublicKey: group.publicKey });

function hexBytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** The ledger's dockets, each sealed by the group alone, after `change` had its way. */
function grouped(ledger: Ledger, change: (docket: Docket) => void = () => {}): VerifyRequest {
  const seal = (docket: Docket) => {
    docket.proposerSignature = null;
    docket.votes = [];
    docket.groupSignature = group.sign(docket.docketHash);
    change(docket);
  };
  const made = ledger.made.map((one: Made) => {
    return { ...one, docketData: rewritten(one.docketData, seal) };
  });
  return ledger.request({ bytes: pageOf(made) });
}

function messageOf(request: VerifyRequest): string | null {
  const outcome = verifyPage(request);
  if (outcome.ok) return null;
  const { code, docketNumber, message } = outcome.refusal;
  return `${code} ${docketNumber}: ${message}`;
}

test("one signature of the group seals a docket, and nothing else of it is needed", () => {
  const ledger = new Ledger("r", policy, [2]).add().add().add();
  const outcome = verifyPage(grouped(ledger));
  expect(outcome.ok && outcome.value.dockets.map((docket) => docket.isSealed)).toEqual(
    Array(4).fill(true),
  );
  expect(messageOf(ledger.request())).toBeNull();
});

test("of many dockets the first that the group did not sign is named", () => {
  const ledger = new Ledger("r", policy, [2]).add().add().add();
  const swapped = grouped(ledger, (docket) => {
    if (docket.docketNumber >= 2) docket.groupSignature = group.sign("00".repeat(32));
  });
  expect(messageOf(swapped)).toBe("seal 2: The group's signature is not true");
  const strangers = grouped(ledger, (docket) => {
    if (docket.docketNumber === 1) docket.groupSignature = groupOf(8).sign(docket.docketHash);
  });
  expect(messageOf(strangers)).toBe("seal 1: The group's signature is not true");
  const later = grouped(ledger, (docket) => {
    if (docket.docketNumber === 1) docket.groupSignature = group.sign("00".repeat(32));
    if (docket.docketNumber === 3) docket.previousHash = "00".repeat(32);
  });
  expect(messageOf(later)).toStartWith("seal 1:");
});

test("junk for a signature, a group nobody named and a false vote beside it are refused", () => {
  const ledger = new Ledger("r", policy, [2]).add();
  const junk = [base64urlOf(new Uint8Array(48)), base64urlOf(new Uint8Array(48).fill(0xc0))];
  const infinity = base64urlOf(bls12_381.G1.Point.ZERO.toBytes());
  for (const signature of [...junk, infinity]) {
    const request = grouped(ledger, (docket) => {
      docket.groupSignature = signature;
    });
    expect(messageOf(request)).toBe("seal 0: The group's signature is not true");
  }
  const nobody = new Ledger("r", policyOf({ count: 3, threshold: 2 }), [2]).add();
  expect(messageOf(grouped(nobody))).toBe(
    "seal 0: The register has no group that could seal its dockets",
  );
  const voted = grouped(ledger, (docket) => {
    docket.votes = votesOf([2], "something else");
  });
  expect(messageOf(voted)).toBe("seal 0: The signature of v2 is not true");
});

test("false seals that would cancel each other out in a sum are found", () => {
  const hashes = ["11".repeat(32), "22".repeat(32)] as const;
  const [left, right] = hashes.map((hash) =>
    bls12_381.G1.Point.fromBytes(new Uint8Array(Buffer.from(group.sign(hash), "base64url"))),
  );
  if (left === undefined || right === undefined) throw new Error("two signatures");
  const offset = bls12_381.G1.Point.BASE;
  const bent = [left.add(offset), right.subtract(offset)];
  const seals = bent.map(
    (point, index): GroupSeal => ({
      docketNumber: index + 5,
      docketHash: hashes[index] ?? "",
      signature: base64urlOf(point.toBytes()),
      groupPublicKey: group.publicKey,
    }),
  );
  expect(findFalseSeal(seals)).toBe(5);
  const honest = seals.map((seal) => ({ ...seal, signature: group.sign(seal.docketHash) }));
  expect(findFalseSeal(honest)).toBeNull();
});

test("a key outside of its group, or nobody's, is no group's key", () => {
  expect(groupKeyOf(base64urlOf(bls12_381.G2.Point.ZERO.toBytes()))).toBeNull();
  expect(groupKeyOf(base64urlOf(new Uint8Array(96).fill(0x81)))).toBeNull();
  expect(groupKeyOf(group.publicKey)).not.toBeNull();
  expect(policyText(policy)).toContain(group.publicKey);
});
