import { createHash, createPublicKey, verify } from "node:crypto";
import { hexOf } from "../base/bytes.ts";
import { spkiOf } from "../dockets/keys.ts";

/**
 * The name that a key gives: whoever signs with the key has this name beyond doubt, without anybody
 * vouching for it. Half of a SHA-256 of 32 hex digits would be too long to type; 64 bits are what
 * another key can't be found for at a price that a name in `open` mode is worth.
 */
export function nodeIdOfKey(publicKey: Uint8Array): string {
  return `peer-${hexOf(createHash("sha256").update(publicKey).digest()).slice(0, 16)}`;
}

/** Whether only a key can give this name. */
export function isLikeNameOfKey(nodeId: string): boolean {
  return /^peer-[0-9a-f]{16}$/.test(nodeId);
}

/** Ed25519, both parts raw. */
export function isSignedBy(
  publicKey: Uint8Array,
  signed: { bytes: Uint8Array; signature: Uint8Array },
): boolean {
  if (publicKey.length !== 32 || signed.signature.length !== 64) return false;
  const key = createPublicKey({ key: Buffer.from(spkiOf(publicKey)), format: "der", type: "spki" });
  return verify(null, signed.bytes, key, signed.signature);
}
