import { timeMsOf } from "../dockets/time.ts";
import type { Docket, Transaction, Validator } from "../dockets/types.ts";
import type { Answer } from "./net/ways.ts";

/** One thing that was computed here and compared. */
export interface Step {
  title: string;
  /** What was hashed or checked, as text to look at. */
  input: string;
  /** What came out here, and what it should be. */
  computed: string;
  expected: string;
  isTrue: boolean;
  /** Nothing could be said: neither true nor false. */
  isOpen?: boolean;
}

export interface ProofInput {
  transaction: Answer<"getTransaction">;
  /** The docket's document as the node gave it, asked for apart from the proof. */
  docketText: string;
  /** Of the register's policy as it is now. */
  validators: readonly Validator[];
}

/**
 * Recomputes everything from the record up to the docket's seal: the payload's hash, the leaf,
 * each step to the Merkle root, the docket's hash, the proposer's signature over it. Believes the
 * node in nothing but the policy. Formulas: protocol §3, `src/dockets/hash.ts`.
 */
export async function checkProof(given: ProofInput, subtle: SubtleCrypto): Promise<Step[]> {
  const { transaction: told } = given;
  const { proof } = told;
  const document = JSON.parse(told.transaction) as Transaction;
  const docket = JSON.parse(given.docketText) as Docket;
  const hash = (text: string) => sha256(subtle, text);
  const steps: Step[] = [];
  const compare = async (title: string, input: string, expected: string) => {
    const computed = await hash(input);
    steps.push({ title, input, computed, expected, isTrue: computed === expected });
    return computed;
  };
  const hashOfPayload = await compare(
    "The record's hash",
    document.payloadJson,
    docketLeaf().payloadHash,
  );
  const leaf = await compare("The leaf", leafText(hashOfPayload), proof.leaf);
  let node = leaf;
  for (const [index, { side, hash: partner }] of proof.steps.entries()) {
    const input = side === "left" ? partner + node : node + partner;
    node = await hash(input);
    const isLast = index === proof.steps.length - 1;
    steps.push({
      title: `Step ${index + 1} of ${proof.steps.length}: paired with the ${side} neighbour`,
      input,
      computed: node,
      expected: isLast ? docket.merkleRoot : "",
      isTrue: isPlaced(proof, index) && (!isLast || node === docket.merkleRoot),
    });
  }
  if (proof.steps.length === 0) {
    const expected = docket.merkleRoot;
    steps.push({
      title: "The only leaf is the Merkle root",
      input: leaf,
      computed: leaf,
      expected,
      isTrue: leaf === expected && proof.count === 1,
    });
  }
  await compare("The docket's hash", headerText(docket), docket.docketHash);
  steps.push(await checkSeal(docket, { validators: given.validators, subtle }));
  return steps;

  function docketLeaf() {
    const empty = { transactionId: "", payloadHash: "", createdAt: "" };
    return docket.transactions[told.position] ?? empty;
  }

  function leafText(payloadHash: string): string {
    const timeMs = timeMsOf(docketLeaf().createdAt);
    return `{"TransactionId":"${told.transactionId}","PayloadHash":"${payloadHash}","Timestamp":${timeMs}}`;
  }
}

/** A leaf has one place, and the sides of its neighbours follow from that. */
function isPlaced(proof: ProofInput["transaction"]["proof"], level: number): boolean {
  const at = Math.floor(proof.index / 2 ** level);
  return proof.steps[level]?.side === (at % 2 === 1 ? "left" : "right");
}

function headerText(docket: Docket): string {
  return (
    `{"RegisterId":"${docket.registerId}","DocketNumber":${docket.docketNumber},` +
    `"PreviousHash":"${docket.previousHash}","MerkleRoot":"${docket.merkleRoot}",` +
    `"Timestamp":${timeMsOf(docket.createdAt)}}`
  );
}

async function checkSeal(
  docket: Docket,
  given: { validators: readonly Validator[]; subtle: SubtleCrypto },
): Promise<Step> {
  const seal = docket.proposerSignature;
  const step = {
    title: `The seal of ${docket.proposerValidatorId}`,
    input: `${seal?.algorithm ?? "no signature"} over the docket's hash`,
    computed: seal?.publicKey ?? "–",
  };
  if (seal === null) {
    return { ...step, expected: "", isTrue: false, isOpen: true };
  }
  const named = given.validators.find((one) => one.validatorId === docket.proposerValidatorId);
  const expected = named?.publicKey ?? "";
  const isTrue = await isSigned(docket, given.subtle);
  if (isTrue === null) return { ...step, expected, isTrue: false, isOpen: true };
  // A validator that is no longer in the policy may have been in it when this was sealed.
  if (named === undefined) return { ...step, expected, isTrue, isOpen: isTrue };
  return { ...step, expected, isTrue: isTrue && seal.publicKey === named.publicKey };
}

/** Null where this browser does not know the algorithm. */
async function isSigned(docket: Docket, subtle: SubtleCrypto): Promise<boolean | null> {
  const seal = docket.proposerSignature;
  if (seal === null) return false;
  const text = new TextEncoder().encode(headerText(docket));
  const value = bytesOf(seal.signatureValue);
  const raw = bytesOf(seal.publicKey);
  try {
    if (seal.algorithm === "ED25519") {
      const key = await subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
      const digest = await subtle.digest("SHA-256", text);
      return await subtle.verify("Ed25519", key, value, digest);
    }
    if (/P-?256$/.test(seal.algorithm)) {
      const curve = { name: "ECDSA", namedCurve: "P-256" };
      const point = Uint8Array.from([4, ...raw]);
      const key = await subtle.importKey("raw", point, curve, false, ["verify"]);
      return await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, value, text);
    }
    return null;
  } catch {
    return null;
  }
}

async function sha256(subtle: SubtleCrypto, text: string): Promise<string> {
  const digest = await subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
