import { describe, expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import { base64urlOf } from "../../src/base/bytes.ts";
import type { Docket, Policy } from "../../src/dockets/types.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import { checkProof, type ProofInput } from "../../src/ui/proof/proof.ts";
import type { Step } from "../../src/ui/proof/step.ts";
import { Ledger, type Made, pageOf, policyOf, rewritten, signerOf } from "../dockets/ledger.ts";
import { rewriteDocket as bent, groupedLedger, inputOf } from "./proof-input.ts";

const { subtle } = crypto;

async function stepsOf(input: ProofInput): Promise<Step[]> {
  const { inclusion, seal, policy } = await checkProof(input, subtle);
  return [...inclusion, ...seal, ...policy];
}

async function falseSteps(input: ProofInput): Promise<string[]> {
  return (await stepsOf(input)).filter((step) => !step.isTrue).map((step) => step.title);
}

/** The browser and the node say the same of every ledger. */
function isTrueForNode(ledger: Ledger): boolean {
  return verifyPage(ledger.request({ bytes: pageOf(ledger.made) })).ok;
}

describe("votes", () => {
  const policy = policyOf({ count: 4, threshold: 3 });
  const voted = () => new Ledger("r", policy, [2, 3]).add({ count: 5 });

  test("k of n is true, and each signature stands for itself", async () => {
    const ledger = voted();
    const steps = await stepsOf(inputOf(ledger, 1));
    expect(steps.every((step) => step.isTrue)).toBe(true);
    const titles = steps.map((step) => step.title);
    expect(titles).toContain("Sealed by v1, who proposed it");
    expect(titles).toContain("Vote of v3");
    expect(titles).toContain("3 of the 3 signatures that the policy asks for");
    expect(isTrueForNode(ledger)).toBe(true);
  });

  test.each<[string, string, (docket: Docket) => void]>([
    ["one too few", "2 of the 3", (docket) => docket.votes.pop()],
    [
      "one twice",
      "2 of the 3",
      (docket) => {
        docket.votes[1] = docket.votes[0] as Docket["votes"][number];
      },
    ],
    [
      "one under another's name",
      "Vote of v4",
      (docket) => Object.assign(docket.votes[1] ?? {}, { validatorId: "v4" }),
    ],
    [
      "a stranger's",
      "Vote of x",
      (docket) => Object.assign(docket.votes[1] ?? {}, { validatorId: "x" }),
    ],
    [
      "one over something else",
      "Vote of v3",
      (docket) => {
        const vote = docket.votes[1];
        if (vote) vote.validatorSignature.signatureValue = base64urlOf(new Uint8Array(64).fill(7));
      },
    ],
    [
      "one whose text is none",
      "Vote of v3",
      (docket) => {
        const vote = docket.votes[1];
        if (vote) vote.validatorSignature.signatureValue = "<script>";
      },
    ],
    ["none at all", "The docket's seal", (docket) => unseal(docket)],
  ])("are not true with %s", async (_, title, change) => {
    const ledger = bent(voted(), 1, change);
    const [first] = await falseSteps(inputOf(ledger, 1));
    expect(first).toStartWith(title);
    expect(isTrueForNode(ledger)).toBe(false);
  });

  test("of P-256 keys count as well", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "", y = "" } = pair.publicKey.export({ format: "jwk" });
    const point = [x, y].map((part) => Buffer.from(part, "base64url"));
    const publicKey = base64urlOf(Buffer.concat(point));
    const validators = [...policyOf({ count: 1 }).validators];
    validators.push({ validatorId: "p", publicKey, algorithm: "NISTP256" });
    const ledger = new Ledger("r", { ...policyOf(), validators, threshold: 2 });
    const vote = (docket: Docket) => {
      const text = headerOf(docket);
      const key = { key: pair.privateKey, dsaEncoding: "ieee-p1363" as const };
      const signatureValue = base64urlOf(sign("sha256", Buffer.from(text), key));
      const validatorSignature = { publicKey, signatureValue, algorithm: "NISTP256" };
      docket.votes = [{ validatorId: "p", validatorSignature }];
    };
    bent(ledger, 0, vote);
    ledger.add();
    bent(ledger, 1, vote);
    expect(isTrueForNode(ledger)).toBe(true);
    expect(await falseSteps(inputOf(ledger, 1))).toEqual([]);
    bent(ledger, 1, (docket) => {
      const value = docket.votes[0]?.validatorSignature;
      if (value) value.signatureValue = `A${value.signatureValue.slice(1)}`;
    });
    expect(await falseSteps(inputOf(ledger, 1))).toEqual(["Vote of p"]);
  });
});

describe("a group's signature", () => {
  const { grouped, signatureOf } = groupedLedger();

  test("seals by itself", async () => {
    const steps = await stepsOf(inputOf(grouped(), 1));
    expect(steps.filter((step) => !step.isTrue)).toEqual([]);
    expect(steps.map((step) => step.title)).toContain("The group's signature, by 2 of 3");
    expect(isTrueForNode(grouped())).toBe(true);
  });

  test.each<[string, (docket: Docket) => void]>([
    ["of another docket", (docket) => Object.assign(docket, { groupSignature: otherSignature() })],
    ["of zero", (docket) => Object.assign(docket, { groupSignature: base64urlOf(zeroPoint()) })],
    ["that is no point", (docket) => Object.assign(docket, { groupSignature: "A".repeat(64) })],
    ["that is no text of bytes", (docket) => Object.assign(docket, { groupSignature: "\u202e~" })],
  ])("is false where it is one %s", async (_, change) => {
    const ledger = bent(grouped(), 1, change);
    expect(await falseSteps(inputOf(ledger, 1))).toEqual(["The group's signature, by 2 of 3"]);
    expect(isTrueForNode(ledger)).toBe(false);
  });

  test("is false where the register has no group", async () => {
    const ledger = new Ledger("r", policyOf({ count: 3, threshold: 2 }), [2]).add();
    bent(ledger, 1, (docket) => Object.assign(docket, { groupSignature: otherSignature() }));
    expect(await falseSteps(inputOf(ledger, 1))).toEqual(["The group's signature, by 2 of 3"]);
    expect(isTrueForNode(ledger)).toBe(false);
  });

  function otherSignature(): string {
    return signatureOf("01".repeat(32));
  }

  function zeroPoint(): Uint8Array {
    const bytes = new Uint8Array(48);
    bytes[0] = 0xc0;
    return bytes;
  }
});

describe("the policy chain", () => {
  /** v1 alone, from docket 2 on v2 alone, from docket 4 on v1 and v2. */
  function handedOn(): Ledger {
    const [first, second] = policyOf({ count: 2 }).validators;
    const named = (version: number, list: unknown[], threshold: number) =>
      ({ ...policyOf(), version, validators: list, threshold }) as Policy;
    const ledger = new Ledger("r", named(1, [first], 1));
    ledger.add({ with: [ledger.policyTransaction(named(2, [second], 1))] });
    const byTwo = { signer: signerOf(2), validatorId: "v2" };
    ledger.add(byTwo);
    ledger.add({ ...byTwo, with: [ledger.policyTransaction(named(3, [first, second], 2))] });
    return ledger.add({ voters: [2] });
  }

  test("is followed through each change to the policy of the docket's own time", async () => {
    const ledger = handedOn();
    expect(isTrueForNode(ledger)).toBe(true);
    for (const number of [0, 1, 2, 3, 4]) {
      expect(await falseSteps(inputOf(ledger, number, [0, 1, 3]))).toEqual([]);
    }
    const { policy } = await checkProof(inputOf(ledger, 4, [0, 1, 3]), subtle);
    expect(policy.map((step) => step.title)).toEqual([
      "The genesis docket and its policy: 1 of 1 seal",
      "Docket 1: policy 2, sealed under the one before: 1 of 1 seal",
      "Docket 3: policy 3, sealed under the one before: 2 of 2 seal",
    ]);
  });

  test("with a change left out does not lead to the signers", async () => {
    expect(await falseSteps(inputOf(handedOn(), 2, [0]))).toEqual([
      "Sealed by v2, who proposed it",
    ]);
  });

  test("is false where a change is sealed by its own new validators only", async () => {
    const ledger = new Ledger("r");
    const [, second] = policyOf({ count: 2 }).validators;
    const stolen = { ...policyOf(), version: 2, validators: [second] } as Policy;
    const thief = { signer: signerOf(2), validatorId: "v2" };
    ledger.add({ ...thief, with: [ledger.policyTransaction(stolen)] }).add(thief);
    expect(isTrueForNode(ledger)).toBe(false);
    expect(await falseSteps(inputOf(ledger, 2, [0, 1]))).toEqual([
      "Docket 1: policy 2, sealed under the one before: 1 of 1 seal",
    ]);
  });

  test("is false where a policy's text is not the one that was sealed", async () => {
    const ledger = handedOn();
    const made = ledger.made[1] as Made;
    made.transactionData = made.transactionData.map((bytes) =>
      rewritten<{ payloadJson: string }>(bytes, (body) => {
        body.payloadJson = body.payloadJson.replace('"notes"', '"NOTES"');
      }),
    );
    expect(await falseSteps(inputOf(ledger, 2, [0, 1]))).toHaveLength(1);
  });

  test("of a register without seals leaves it open, and says so", async () => {
    const ledger = new Ledger("r").add();
    bent(ledger, 0, unseal);
    bent(ledger, 1, unseal);
    const steps = await stepsOf(inputOf(ledger, 1));
    expect(steps.filter((step) => !step.isTrue).every((step) => step.isOpen)).toBe(true);
    expect(steps.some((step) => step.isOpen)).toBe(true);
  });
});

function unseal(docket: Docket): void {
  docket.proposerSignature = null;
  docket.votes = [];
}

function headerOf(docket: Docket): string {
  return (
    `{"RegisterId":"${docket.registerId}","DocketNumber":${docket.docketNumber},` +
    `"PreviousHash":"${docket.previousHash}","MerkleRoot":"${docket.merkleRoot}",` +
    `"Timestamp":${Date.parse(docket.createdAt)}}`
  );
}
