/**
 * What browsers can't check by themselves: seals of groups, and Ed25519 in the older ones. Comes as
 * a file of its own, from this very node, when a proof first needs it.
 */
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { ed25519 } from "@noble/curves/ed25519.js";

/** As `src/dockets/group-seal.ts` has it. */
const tag = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/** Whether the group of this key (96 bytes, G2) signed these 32 bytes (signature 48 bytes, G1). */
export function isGroupSignatureTrue(seal: {
  signature: Uint8Array;
  key: Uint8Array;
  hash: Uint8Array;
}): boolean {
  const { G1, G2, fields } = bls12_381;
  const signature = G1.Point.fromBytes(seal.signature);
  const key = G2.Point.fromBytes(seal.key);
  signature.assertValidity();
  key.assertValidity();
  if (signature.is0() || key.is0()) return false;
  const message = G1.hashToCurve(seal.hash, { DST: tag });
  const pairs = [
    { g1: signature, g2: G2.Point.BASE.negate() },
    { g1: message as typeof signature, g2: key },
  ];
  return fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE);
}

/** With the strict rules of RFC 8032, as the node has them. */
export function isEd25519True(signed: {
  signature: Uint8Array;
  key: Uint8Array;
  message: Uint8Array;
}): boolean {
  return ed25519.verify(signed.signature, signed.message, signed.key, { zip215: false });
}
