/** Keys in their raw form, as documents carry them, and in the forms that libraries want. */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { assert } from "../base/assert.ts";
import { base64urlOf, concat, isEqual } from "../base/bytes.ts";

/** Whoever can sign for us: a key in memory here, one in a vault elsewhere. */
export interface Signer {
  /** Base64url of the raw key. */
  publicKey: string;
  algorithm: string;
  /** Signs the 32 bytes of a hash. */
  sign(digest: Uint8Array): Uint8Array;
}

/** A signer of an Ed25519 key, given its 32 secret bytes. */
export function signerOfSeed(seed: Uint8Array): Signer {
  const key = privateKeyOfSeed(seed);
  return {
    publicKey: base64urlOf(publicKeyOfSeed(seed)),
    algorithm: "ED25519",
    sign: (digest) => sign(null, digest, key),
  };
}

/** 32 secret bytes from the machine's random source. */
export function newSeed(): Uint8Array {
  return randomBytes(32);
}

export function publicKeyOfSeed(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyOfSeed(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(spkiPrefix.length));
}

/** The 32 bytes of an Ed25519 key in an X.509 SubjectPublicKeyInfo; null when it is none. */
export function rawPublicKeyOf(spki: Uint8Array): Uint8Array | null {
  const isEd25519 =
    spki.length === spkiPrefix.length + 32 &&
    isEqual(spki.subarray(0, spkiPrefix.length), spkiPrefix);
  return isEd25519 ? spki.slice(spkiPrefix.length) : null;
}

/** The X.509 SubjectPublicKeyInfo of a raw Ed25519 key. */
export function spkiOf(publicKey: Uint8Array): Uint8Array {
  assert(publicKey.length === 32, "a raw Ed25519 key has 32 bytes");
  return concat([spkiPrefix, publicKey]);
}

export function privateKeyOfSeed(seed: Uint8Array): KeyObject {
  assert(seed.length === 32, "an Ed25519 seed has 32 bytes");
  const key = Buffer.concat([pkcs8Prefix, seed]);
  return createPrivateKey({ key, format: "der", type: "pkcs8" });
}

const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
