import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeDocket, decodeTransaction } from "../../src/dockets/decode.ts";
import {
  buildGenesis,
  buildPayload,
  buildTransaction,
  dataTextOf,
  payloadFacts,
} from "../../src/dockets/envelope.ts";
import { payloadHash, sha256Hex } from "../../src/dockets/hash.ts";
import { policyFromText, policyText, unsealedPolicy } from "../../src/dockets/policy.ts";
import { policyOf, signerOf, startMs } from "./ledger.ts";

const envelope = {
  type: "Action",
  sender: "me",
  recipients: ["you", "them"],
  previousTransactionId: null,
  nonce: "abc",
};

describe("buildPayload and dataTextOf", () => {
  test("carry the data's text through unchanged", () => {
    for (const dataText of [
      "12345678901234567890",
      '{"b":1,"a":2}',
      ' { "spaced" : [ 1.50 ] } \r',
      '{"twice":1,"twice":2}',
      '"\\u2028 ] } , \\" {"',
      '"\\ud800"',
      "null",
      `${"[".repeat(500)}${"]".repeat(500)}`,
    ]) {
      const payloadJson = buildPayload({ ...envelope, dataText });
      expect(dataTextOf(payloadJson)).toBe(dataText);
      const { bytes } = buildTransaction({
        registerId: "r",
        payloadJson,
        createdAtMs: startMs,
        signer: signerOf(1),
      });
      const read = decodeTransaction(bytes);
      expect(read.ok && dataTextOf(read.value.payloadJson)).toBe(dataText);
    }
  });

  test("carry any JSON through unchanged", () => {
    fc.assert(
      fc.property(fc.json(), (dataText) => {
        expect(dataTextOf(buildPayload({ ...envelope, dataText }))).toBe(dataText);
      }),
    );
  });

  test("write the keys in their order", () => {
    expect(buildPayload({ ...envelope, dataText: "1" })).toBe(
      '{"type":"Action","sender":"me","recipients":["you","them"],"previousTransactionId":null,' +
        '"nonce":"abc","data":1}',
    );
  });
});

describe("payloadFacts", () => {
  test("reads our envelope and shrugs at anything else", () => {
    expect(payloadFacts(buildPayload({ ...envelope, dataText: "1" }))).toEqual({
      type: "Action",
      sender: "me",
      recipients: ["you", "them"],
    });
    const nothing = { type: null, sender: null, recipients: [] };
    for (const payload of ["", "1", '"x"', "[]", "{", '{"type":1,"sender":{},"recipients":"x"}']) {
      expect(payloadFacts(payload)).toEqual(nothing);
    }
    expect(payloadFacts('{"type":"a","type":"b"}')).toEqual(nothing);
    expect(dataTextOf('{"a":1}')).toBeNull();
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        payloadFacts(text);
        payloadFacts(`{${text}`);
        dataTextOf(`{"data":${text}`);
      }),
    );
  });
});

describe("buildTransaction", () => {
  test("names the transaction after its payload, unless it is given a name", () => {
    const parts = { registerId: "r", payloadJson: "{}", createdAtMs: startMs, signer: signerOf(1) };
    expect(buildTransaction(parts).transaction.transactionId).toBe(payloadHash("{}"));
    const named = buildTransaction({ ...parts, transactionId: "mine" });
    expect(named.transaction.transactionId).toBe("mine");
    expect(decodeTransaction(named.bytes)).toEqual({ ok: true, value: named.transaction });
  });
});

describe("buildGenesis", () => {
  test("is docket 0 with the one transaction that sets the policy", () => {
    const genesis = buildGenesis({
      registerId: "r",
      policy: policyOf(),
      createdAtMs: startMs,
      signer: signerOf(1),
    });
    const docket = decodeDocket(genesis.docketData);
    const body = decodeTransaction(genesis.transactionData[0] as Uint8Array);
    if (!docket.ok || !body.ok) throw new Error("The genesis docket does not read");
    expect(docket.value).toEqual(genesis.docket);
    expect(docket.value.docketNumber).toBe(0);
    expect(body.value.transactionId).toBe(sha256Hex("genesis-r"));
    expect(JSON.parse(body.value.payloadJson)).toEqual({
      type: "Control",
      control: "register.policy",
      policy: policyOf(),
    });
  });
});

describe("policyText", () => {
  test("with a character that no database takes is no policy", () => {
    for (const changes of [{ name: "a\0" }, { description: "\0" }]) {
      const text = policyText({ ...policyOf(), ...changes });
      expect(() => policyFromText(text)).toThrow("without U+0000");
    }
  });

  test("comes back as the same policy, an unsealed register's too", () => {
    for (const policy of [
      policyOf({ count: 3, threshold: 2, readers: ["a", "b"] }),
      unsealedPolicy(policyOf()),
      unsealedPolicy(null),
    ]) {
      expect(policyFromText(policyText(policy))).toEqual(policy);
    }
  });
});
