import { describe, expect, test } from "bun:test";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { base64urlOf } from "../../src/base/bytes.ts";
import { isSignatureTrue, signText } from "../../src/dockets/signature.ts";
import type { Docket, Signature, Vote } from "../../src/dockets/types.ts";
import { type VerifyRequest, verifyPage } from "../../src/dockets/verify.ts";
import { Ledger, type Made, pageOf, policyOf, rewritten, signerOf, votesOf } from "./ledger.ts";

describe("a seal", () => {
  test("needs as many distinct validators as the policy says", () => {
    const policy = policyOf({ count: 3, threshold: 2 });
    const ledger = new Ledger("r", policy, [2]);
    expect(messageOf(ledger.add().request())).toBeNull();
    expect(messageOf(new Ledger("r", policy, [2, 3]).add().request())).toBeNull();
    expect(messageOf(new Ledger("r", policy, [2]).add({ voters: [] }).request())).toBe(
      "seal: The docket has 1 of the 2 signatures it needs",
    );
    expect(messageOf(new Ledger("r", policy, [2]).add({ voters: [1] }).request())).toBe(
      "seal: A validator signed the docket twice",
    );
    expect(messageOf(new Ledger("r", policy, [2]).add({ voters: [4] }).request())).toBe(
      "seal: v4 is not a validator of this register",
    );
  });

  test("may come from any validator who proposes", () => {
    const policy = policyOf({ count: 3, threshold: 2 });
    const ledger = new Ledger("r", policy, [2]);
    ledger.add({ signer: signerOf(3), validatorId: "v3", voters: [1] });
    expect(messageOf(ledger.request())).toBeNull();
  });

  test("is broken by a foreign key, another's name, and a surplus vote that is not true", () => {
    const policy = policyOf({ count: 3, threshold: 1 });
    const theirs = "seal: The key is not that of validator v1";
    expect(messageOf(new Ledger("r", policy).add({ signer: signerOf(8) }).request())).toBe(theirs);
    expect(messageOf(new Ledger("r", policy).add({ signer: signerOf(2) }).request())).toBe(theirs);
    const falseVote = (docket: Docket) => {
      docket.votes = votesOf([2], "something else");
    };
    expect(messageOf(changed(new Ledger("r", policy).add(), falseVote))).toBe(
      "seal: The signature of v2 is not true",
    );
  });

  test("is missing without the proposer's signature, and cannot be a group's where there is none", () => {
    const policy = policyOf({ count: 2, threshold: 1 });
    const unsigned = (docket: Docket) => {
      docket.proposerSignature = null;
    };
    expect(messageOf(changed(new Ledger("r", policy).add(), unsigned))).toBe(
      "seal: The docket bears no seal",
    );
    const grouped = (docket: Docket) => {
      docket.groupSignature = "AAAA";
    };
    expect(messageOf(changed(new Ledger("r", policy).add(), grouped))).toBe(
      "seal: The register has no group that could seal its dockets",
    );
  });
});

describe("acceptUnsealed", () => {
  const unseal = (docket: Docket) => {
    docket.proposerSignature = null;
  };

  test("takes a register whose genesis bears no seal, and calls nothing of it sealed", () => {
    const ledger = new Ledger().add();
    const bytes = pageOf(ledger.made.map((made) => unsealed(made)));
    expect(messageOf(ledger.request({ bytes }))).toBe("seal: The genesis docket bears no seal");
    const outcome = verifyPage(ledger.request({ bytes, acceptUnsealed: true }));
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    expect(outcome.value.dockets.map((docket) => docket.isSealed)).toEqual([false, false]);
    expect(outcome.value.policyAfter).toMatchObject({
      name: "notes",
      validators: [],
      threshold: 0,
    });
  });

  test("does not let a sealed register go on unsealed", () => {
    const ledger = new Ledger().add();
    const request = { ...changed(ledger, unseal), acceptUnsealed: true };
    expect(messageOf(request)).toBe("seal: The docket bears no seal");
  });

  function unsealed(made: Made) {
    return { ...made, docketData: rewritten<Docket>(made.docketData, unseal) };
  }
});

describe("a policy", () => {
  test("holds from the docket after the one that sets it", () => {
    const ledger = new Ledger().add();
    const next = policyOf({ version: 2, validators: [validatorOf(5)] });
    ledger.add({ with: [ledger.policyTransaction(next)] });
    ledger.add({ signer: signerOf(5), validatorId: "v5" });
    const outcome = verifyPage(ledger.request());
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    expect(outcome.value.policyAfter).toEqual(next);
    expect(outcome.value.dockets.map((docket) => docket.isControl)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    const early = new Ledger().add();
    early.add({
      with: [early.policyTransaction(next)],
      signer: signerOf(5),
      validatorId: "v5",
    });
    expect(messageOf(early.request())).toBe("seal: v5 is not a validator of this register");
    const late = new Ledger().add();
    late.add({ with: [late.policyTransaction(next)] }).add();
    expect(messageOf(late.request())).toBe("seal: v1 is not a validator of this register");
  });

  test("has a higher version than the one before, and comes once a docket", () => {
    const ledger = new Ledger();
    ledger.add({ with: [ledger.policyTransaction(policyOf({ name: "again" }))] });
    expect(messageOf(ledger.request())).toBe("seal: The policy's version must be higher than 1");
    const twice = new Ledger();
    twice.add({
      with: [2, 3].map((version) => twice.policyTransaction(policyOf({ version }))),
    });
    expect(messageOf(twice.request())).toBe("schema: The docket sets the register's policy twice");
  });

  test("that cannot be met or read is refused", () => {
    const [one] = policyOf().validators;
    for (const wrong of [
      { threshold: 0 },
      { threshold: 2 },
      { validators: [] },
      { validators: [one, one], threshold: 2 },
      { validators: [one, { ...one, validatorId: "again" }], threshold: 2 },
      { validators: [{ ...one, publicKey: "AAAA" }] },
      { validators: [{ ...one, algorithm: "ML_DSA_65" }] },
      { version: -1 },
      { isPublic: "yes" },
      { readers: [7] },
      { extra: true },
    ]) {
      const ledger = new Ledger();
      const policy = { ...policyOf({ version: 2 }), ...wrong };
      const payload = { type: "Control", control: "register.policy", policy };
      ledger.add({ with: [ledger.payload(JSON.stringify(payload))] });
      expect(messageOf(ledger.request())).toStartWith("schema: The register policy does not read");
    }
  });

  test("is not set by data that only speaks of it", () => {
    const ledger = new Ledger();
    const tale = { type: "Control", control: "register.policy", policy: policyOf({ version: 9 }) };
    ledger.add({ with: [ledger.transaction(tale)] });
    const outcome = verifyPage(ledger.request());
    if (!outcome.ok) throw new Error(outcome.refusal.message);
    expect(outcome.value.policyAfter.version).toBe(1);
    expect(outcome.value.dockets[1]?.isControl).toBe(false);
  });

  test("must stand alone in the genesis docket, under the register's own transaction id", () => {
    const registerId = "r";
    const foreign = new Ledger("other").made[0] as Made;
    const move = (document: { registerId: string }) => {
      document.registerId = registerId;
    };
    const moved = {
      docketData: rewritten<Docket>(foreign.docketData, move),
      transactionData: foreign.transactionData.map((data) => rewritten(data, move)),
    };
    const request = new Ledger(registerId).request({ bytes: pageOf([moved]) });
    expect(messageOf(request)).toStartWith("docket-hash");
  });
});

describe("isSignatureTrue", () => {
  test("holds for the algorithms of foreign validators, under all their names", () => {
    for (const algorithm of ["NISTP256", "P-256", "RSA4096", "RSA"]) {
      const { signature, text } = foreignSignature(algorithm);
      expect(isSignatureTrue(signature, text)).toBe(true);
      expect(isSignatureTrue(signature, `${text}.`)).toBe(false);
      expect(isSignatureTrue({ ...signature, algorithm: "ED25519" }, text)).toBe(false);
      const bytes = Buffer.from(signature.signatureValue, "base64url");
      for (let index = 0; index < bytes.length; index += 37) {
        const flipped = Buffer.from(bytes);
        flipped[index] = (flipped[index] as number) ^ 1;
        const signatureValue = base64urlOf(flipped);
        expect(isSignatureTrue({ ...signature, signatureValue }, text)).toBe(false);
      }
    }
  });

  test("is false for unknown algorithms, second spellings and keys that are none", () => {
    const signature = signText(signerOf(1), "text");
    expect(isSignatureTrue(signature, "text")).toBe(true);
    expect(isSignatureTrue({ ...signature, algorithm: "ML_DSA_65" }, "text")).toBe(false);
    expect(isSignatureTrue({ ...signature, publicKey: "AAAA" }, "text")).toBe(false);
    expect(isSignatureTrue({ ...signature, publicKey: `${signature.publicKey}=` }, "text")).toBe(
      false,
    );
    const next = String.fromCharCode(signature.signatureValue.charCodeAt(85) + 1);
    const respelled = signature.signatureValue.slice(0, 85) + next;
    expect(isSignatureTrue({ ...signature, signatureValue: respelled }, "text")).toBe(false);
  });

  test("lets dockets be sealed by votes in all three algorithms", () => {
    const p256 = foreignSigner("NISTP256");
    const rsa = foreignSigner("RSA4096");
    const policy = policyOf({
      validators: [validatorOf(1), p256.validator, rsa.validator],
      threshold: 3,
    });
    const ledger = new Ledger("r", policyOf({ version: 1 }));
    ledger.add({ with: [ledger.policyTransaction({ ...policy, version: 2 })] });
    ledger.add();
    const { docketData } = ledger.made[2] as Made;
    const docket = JSON.parse(new TextDecoder().decode(docketData)) as Docket;
    const { registerId, docketNumber, previousHash, merkleRoot, createdAt } = docket;
    const text = JSON.stringify({
      RegisterId: registerId,
      DocketNumber: docketNumber,
      PreviousHash: previousHash,
      MerkleRoot: merkleRoot,
      Timestamp: Date.parse(createdAt),
    });
    expect(createHash("sha256").update(text).digest("hex")).toBe(docket.docketHash);
    const vote = (voted: Docket) => {
      voted.votes = [p256, rsa].map((signer) => signer.vote(text));
    };
    expect(messageOf(changed(ledger, vote, 2))).toBeNull();
    const missing = (voted: Docket) => {
      voted.votes = [rsa.vote(text)];
    };
    expect(messageOf(changed(ledger, missing, 2))).toStartWith("seal: The docket has 2 of the 3");
  });
});

function messageOf(request: VerifyRequest): string | null {
  const outcome = verifyPage(request);
  return outcome.ok ? null : `${outcome.refusal.code}: ${outcome.refusal.message}`;
}

/** A request for a register one docket of which was changed. */
function changed(ledger: Ledger, change: (docket: Docket) => void, number = 1): VerifyRequest {
  const made = ledger.made.map((one, index) =>
    index === number ? { ...one, docketData: rewritten<Docket>(one.docketData, change) } : one,
  );
  return ledger.request({ bytes: pageOf(made) });
}

function validatorOf(seedByte: number) {
  const { publicKey, algorithm } = signerOf(seedByte);
  return { validatorId: `v${seedByte}`, publicKey, algorithm };
}

function foreignSigner(algorithm: "NISTP256" | "RSA4096") {
  const { publicKey, privateKey } = keyPairOf(algorithm);
  const validator = { validatorId: algorithm, publicKey: rawOf(publicKey), algorithm };
  const vote = (text: string): Vote => ({
    validatorId: algorithm,
    validatorSignature: {
      publicKey: validator.publicKey,
      signatureValue: base64urlOf(foreignlySigned(privateKey, text)),
      algorithm,
    },
  });
  return { validator, vote };
}

function foreignSignature(algorithm: string): { signature: Signature; text: string } {
  const { publicKey, privateKey } = keyPairOf(algorithm);
  const text = "what is signed";
  const signatureValue = base64urlOf(foreignlySigned(privateKey, text));
  return { signature: { publicKey: rawOf(publicKey), signatureValue, algorithm }, text };
}

/** Made once: an RSA key of this size takes a second. */
const keyPairs = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 4096 }),
  ec: generateKeyPairSync("ec", { namedCurve: "P-256" }),
};

function keyPairOf(algorithm: string): { publicKey: KeyObject; privateKey: KeyObject } {
  return algorithm.startsWith("RSA") ? keyPairs.rsa : keyPairs.ec;
}

function foreignlySigned(key: KeyObject, text: string): Uint8Array {
  return sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
}

/** X‖Y of an elliptic key, PKCS#1 DER of an RSA key. */
function rawOf(key: KeyObject): string {
  if (key.asymmetricKeyType === "rsa") {
    return base64urlOf(key.export({ format: "der", type: "pkcs1" }));
  }
  const { x, y } = key.export({ format: "jwk" });
  return base64urlOf(
    Buffer.concat([x ?? "", y ?? ""].map((part) => Buffer.from(part, "base64url"))),
  );
}
