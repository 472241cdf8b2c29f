import { base64urlOf, bytesOfBase64url, utf8 } from "../base/bytes.ts";
import { decodeDocket } from "./decode.ts";
import { docketText, sha256Hex } from "./hash.ts";
import { checkSealWholly } from "./seal.ts";
import type { Docket, Outcome, Policy, Refusal } from "./types.ts";
import { verifyPage } from "./verify.ts";

/**
 * Proof that a register's validators sealed two dockets with one number. It carries everything that
 * is needed to see that it is true: both docket documents, and the policy chain up to them, which
 * begins with the genesis docket. Anybody can verify it offline; whose register it is says the
 * genesis hash.
 */
export interface Equivocation {
  registerId: string;
  genesisHash: string;
  docketNumber: number;
  /** Of the two dockets, in ascending order. */
  hashes: [string, string];
  documents: [Uint8Array, Uint8Array];
}

const evidenceType = "sorcha.equivocation.v1";
/** Two dockets of many transactions and a long policy chain. */
const evidenceBytesMax = 15 * 1024 * 1024;

/** The portable form: JSON with the documents' very bytes in base64url. */
export function encodeEvidence(evidence: {
  registerId: string;
  docketNumber: number;
  documents: readonly [Uint8Array, Uint8Array];
  /** A page of the control dockets before it, from the genesis docket on. */
  policyPage: Uint8Array;
}): Uint8Array {
  const { registerId, docketNumber, documents, policyPage } = evidence;
  const dockets = documents.map(base64urlOf);
  return utf8(
    JSON.stringify({
      type: evidenceType,
      registerId,
      docketNumber,
      dockets,
      policyPage: base64urlOf(policyPage),
    }),
  );
}

/** Finds out whether evidence is true. `genesisHash`: of the register that it must be about. */
export function verifyEvidence(
  bytes: Uint8Array,
  options: { nowMs: number; genesisHash?: string },
): Outcome<Equivocation> {
  const parsed = parse(bytes);
  if (parsed === null) return refused("schema", "That is no evidence in the known form");
  const { registerId, docketNumber, documents, policyPage } = parsed;
  const believed = policyBefore(policyPage, { ...options, registerId, docketNumber });
  if (!believed.ok) return believed;
  const { policy, genesisHash } = believed.value;
  const sealed = documents.map((data) => readSealedHeader(data, { registerId, policy }));
  for (const one of sealed) {
    if (!one.ok) return one;
    if (one.value.docketNumber !== docketNumber) {
      return refused("number", "The dockets do not have the number that the evidence is about");
    }
  }
  const [left, right] = sealed.map((one) => (one.ok ? one.value.docketHash : "")).sort();
  if (left === undefined || right === undefined || left === right) {
    return refused("duplicate", "The two dockets are the same");
  }
  const hashes: [string, string] = [left, right];
  return { ok: true, value: { registerId, genesisHash, docketNumber, hashes, documents } };
}

/**
 * Whom to believe about a docket: what a page of the control dockets before it says, from the
 * genesis docket on. The genesis docket itself is believed by its own policy.
 */
export function policyBefore(
  policyPage: Uint8Array<ArrayBuffer>,
  about: { registerId: string; docketNumber: number; nowMs: number; genesisHash?: string },
): Outcome<{ policy: Policy; genesisHash: string }> {
  const { registerId, docketNumber, nowMs, genesisHash } = about;
  const policyChain = verifyPage({
    registerId,
    bytes: policyPage,
    nextNumber: 0,
    policy: null,
    nowMs,
    verifyTransactions: "none",
    acceptUnsealed: false,
    isPolicyChain: true,
    ...(genesisHash === undefined ? {} : { genesisHash }),
  });
  if (!policyChain.ok) return policyChain;
  const { dockets, policyAfter: policy } = policyChain.value;
  const last = dockets.at(-1)?.number ?? 0;
  if (last > 0 && last >= docketNumber) {
    return refused("number", "The policy chain does not end before the docket in question");
  }
  return { ok: true, value: { policy, genesisHash: dockets[0]?.hash ?? "" } };
}

/**
 * A docket document by itself, its bodies unseen: what it says of its place in the chain is sealed
 * by the policy's validators.
 */
export function readSealedHeader(
  docketData: Uint8Array,
  expected: { registerId: string; policy: Policy },
): Outcome<Docket> {
  const decoded = decodeDocket(docketData);
  if (!decoded.ok) return decoded;
  const docket = decoded.value;
  const { docketNumber } = docket;
  if (docket.registerId !== expected.registerId) {
    return refused("register", "The docket belongs to another register", docketNumber);
  }
  const text = docketText({ ...docket, timeMs: Date.parse(docket.createdAt) });
  if (sha256Hex(text) !== docket.docketHash) {
    return refused("docket-hash", "The docket's hash is not that of its text", docketNumber);
  }
  const seal = checkSealWholly(docket, { policy: expected.policy, text });
  if (seal.kind === "sealed") return decoded;
  const why = seal.kind === "broken" ? seal.message : "The register has no validators to seal it";
  return refused("seal", why, docketNumber);
}

function parse(bytes: Uint8Array): {
  registerId: string;
  docketNumber: number;
  documents: [Uint8Array, Uint8Array];
  policyPage: Uint8Array<ArrayBuffer>;
} | null {
  if (bytes.length > evidenceBytesMax) return null;
  try {
    const found = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const { type, registerId, docketNumber, dockets, policyPage } = found;
    if (type !== evidenceType || typeof registerId !== "string") return null;
    if (!Number.isSafeInteger(docketNumber) || docketNumber < 1) return null;
    if (!Array.isArray(dockets) || dockets.length !== 2) return null;
    const [left, right, page] = [...dockets, policyPage].map((text) =>
      typeof text === "string" ? bytesOfBase64url(text) : null,
    );
    if (!left || !right || !page) return null;
    const documents: [Uint8Array, Uint8Array] = [left, right];
    return { registerId, docketNumber, documents, policyPage: new Uint8Array(page) };
  } catch {
    return null;
  }
}

function refused(
  code: Refusal["code"],
  message: string,
  docketNumber: number | null = null,
): Outcome<never> {
  return { ok: false, refusal: { code, message, docketNumber } };
}
