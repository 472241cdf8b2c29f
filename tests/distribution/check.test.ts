import { expect, test } from "bun:test";
import { utf8 } from "../../src/base/bytes.ts";
import { checkPending } from "../../src/distribution/check.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { signerOfSeed } from "../../src/dockets/keys.ts";
import { policyPayload } from "../../src/dockets/policy.ts";
import type { Policy } from "../../src/dockets/types.ts";
import { limits } from "../../src/runtime/limits.ts";

const validator = signerOfSeed(new Uint8Array(32).fill(1));
const stranger = signerOfSeed(new Uint8Array(32).fill(2));
const nowMs = 1_800_000_000_000;
const policy: Policy = {
  version: 1,
  validators: [{ validatorId: "v", publicKey: validator.publicKey, algorithm: "ED25519" }],
  threshold: 1,
  isPublic: true,
  name: "r",
  description: "",
};

function built(changes: Partial<Parameters<typeof buildTransaction>[0]> = {}) {
  const payloadJson = '{"type":"Action","data":1}';
  return buildTransaction({
    ...{ registerId: "r", payloadJson, createdAtMs: nowMs, signer: stranger },
    ...changes,
  });
}

function codeOf(bytes: Uint8Array, transactionId = built().transaction.transactionId): string {
  const outcome = checkPending(bytes, { registerId: "r", transactionId, policy, nowMs });
  return outcome.ok ? "ok" : outcome.refusal.code;
}

const forged = (change: (text: string) => string) =>
  utf8(change(new TextDecoder().decode(built().bytes)));

test("a true transaction passes", () => {
  expect(codeOf(built().bytes)).toBe("ok");
});

test("forged ones don't: payload, signature, id, time, size", () => {
  expect(codeOf(forged((text) => text.replace('\\"data\\":1', '\\"data\\":2')))).toBe(
    "payload-hash",
  );
  const other = built({ signer: validator }).transaction.signatures[0]?.signatureValue ?? "";
  const own = built().transaction.signatures[0]?.signatureValue ?? "";
  expect(codeOf(forged((text) => text.replace(own, other)))).toBe("tx-signature");
  expect(codeOf(forged((text) => text.replace(/"signatures":\[.*\]/, '"signatures":[]')))).toBe(
    "tx-signature",
  );
  const ahead = built({ createdAtMs: nowMs + limits.clockAheadMs + 1 });
  expect(codeOf(ahead.bytes)).toBe("time");
  expect(codeOf(new Uint8Array(0))).toBe("json");
  expect(codeOf(new Uint8Array(limits.transactionBytes + 1))).toBe("size");
});

test("an id stands for one payload only: another body under it is refused", () => {
  const { transactionId } = built().transaction;
  const payloadJson = '{"type":"Action","data":"another"}';
  const other = built({ payloadJson, transactionId });
  expect(codeOf(other.bytes, transactionId)).toBe("payload-hash");
  expect(codeOf(built({ payloadJson }).bytes, transactionId)).toBe("payload-hash");
});

test("a transaction of one register can't be replayed into another (weakness 31)", () => {
  expect(codeOf(built({ registerId: "other" }).bytes)).toBe("register");
});

test("a change of policy comes from a validator, and reads", () => {
  const payloadJson = policyPayload({ ...policy, version: 2 });
  const byStranger = built({ payloadJson });
  const { transactionId } = byStranger.transaction;
  expect(codeOf(byStranger.bytes, transactionId)).toBe("seal");
  expect(codeOf(built({ payloadJson, signer: validator }).bytes, transactionId)).toBe("ok");
  const broken = '{"type":"Control","control":"register.policy","policy":{}}';
  const bad = built({ payloadJson: broken, signer: validator });
  expect(codeOf(bad.bytes, bad.transaction.transactionId)).toBe("schema");
});
