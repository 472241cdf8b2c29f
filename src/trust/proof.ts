import { base64urlOf, bytesOfBase64url, utf8 } from "../base/bytes.ts";
import { isSignedBy } from "./node-key.ts";

/**
 * A call's proof: the caller's key, the time, and the key's signature over the caller's name, the
 * name of the node that it means, and the time. Another node can't use it, and nobody for long.
 */
export interface Proof {
  publicKey: Uint8Array;
  issuedAtMs: number;
  signature: Uint8Array;
}

export function proofText(
  call: { callerId: string; targetId: string; issuedAtMs: number },
  key: { publicKey: Uint8Array; sign: (bytes: Uint8Array) => Uint8Array },
): string {
  const signature = key.sign(proofBytes(call));
  return `${base64urlOf(key.publicKey)}.${call.issuedAtMs}.${base64urlOf(signature)}`;
}

/** Null when the text is none. */
export function parseProof(text: string): Proof | null {
  const match = /^([\w-]{43})\.(\d{1,15})\.([\w-]{86})$/.exec(text);
  const publicKey = bytesOfBase64url(match?.[1] ?? "");
  const signature = bytesOfBase64url(match?.[3] ?? "");
  if (publicKey?.length !== 32 || signature?.length !== 64) return null;
  return { publicKey: new Uint8Array(publicKey), issuedAtMs: Number(match?.[2]), signature };
}

export function isProofTrue(proof: Proof, call: { callerId: string; targetId: string }): boolean {
  const bytes = proofBytes({ ...call, issuedAtMs: proof.issuedAtMs });
  return isSignedBy(proof.publicKey, { bytes, signature: proof.signature });
}

function proofBytes(call: { callerId: string; targetId: string; issuedAtMs: number }): Uint8Array {
  const facts = [call.callerId, call.targetId, call.issuedAtMs];
  return utf8(`sorcha-call-v1:${JSON.stringify(facts)}`);
}
