import { constants, createPublicKey, hash, type KeyObject, verify } from "node:crypto";
import { base64urlOf, bytesOfBase64url } from "../base/bytes.ts";
import { type Signer, spkiOf } from "./keys.ts";
import type { Signature, SignatureAlgorithm } from "./types.ts";

/**
 * Whether the signature is true of `text`. Every signature of the ledger is over the SHA-256 of a
 * text (`hash.ts`): Ed25519 signs those 32 bytes as its message, ECDSA and RSA take them as the
 * digest itself. False for unknown algorithms, keys that are none, and second spellings.
 */
export function isSignatureTrue(signature: Signature, text: string): boolean {
  const algorithm = algorithmOf(signature.algorithm);
  const key = bytesOfBase64url(signature.publicKey);
  const value = bytesOfBase64url(signature.signatureValue);
  if (algorithm === null || key === null || value === null) return false;
  try {
    return checks[algorithm](key, value, text);
  } catch {
    return false;
  }
}

/** The algorithm that a name stands for, foreign spellings included; null for any other. */
export function algorithmOf(name: string): SignatureAlgorithm | null {
  switch (name) {
    case "ED25519":
      return "ED25519";
    case "NISTP256":
    case "NIST-P256":
    case "P-256":
    case "ECDSA-P256":
      return "NISTP256";
    case "RSA4096":
    case "RSA-4096":
    case "RSA":
      return "RSA4096";
    default:
      return null;
  }
}

/** Whether bytes have the form of a public key of the algorithm. */
export function isPublicKey(algorithm: SignatureAlgorithm, key: Uint8Array): boolean {
  try {
    return publicKeys[algorithm](key) !== null;
  } catch {
    return false;
  }
}

/** The signer's signature of `text`, as documents carry it. */
export function signText(signer: Signer, text: string): Signature {
  return {
    publicKey: signer.publicKey,
    signatureValue: base64urlOf(signer.sign(digestOf(text))),
    algorithm: signer.algorithm,
  };
}

type Check = (key: Uint8Array, value: Uint8Array, text: string) => boolean;

const checks: Record<SignatureAlgorithm, Check> = {
  ED25519: (key, value, text) =>
    value.length === 64 && verify(null, digestOf(text), ed25519Key(key), value),
  NISTP256: (key, value, text) =>
    value.length === 64 &&
    verify("sha256", Buffer.from(text), { key: p256Key(key), dsaEncoding: "ieee-p1363" }, value),
  RSA4096: (key, value, text) =>
    value.length === 512 &&
    verify(
      "sha256",
      Buffer.from(text),
      { key: rsaKey(key), padding: constants.RSA_PKCS1_PADDING },
      value,
    ),
};

const publicKeys: Record<SignatureAlgorithm, (key: Uint8Array) => KeyObject> = {
  ED25519: ed25519Key,
  NISTP256: p256Key,
  RSA4096: rsaKey,
};

function ed25519Key(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spkiOf(key)), format: "der", type: "spki" });
}

/** X‖Y, 32 bytes each. */
function p256Key(key: Uint8Array): KeyObject {
  if (key.length !== 64) throw new Error("A raw P-256 key has 64 bytes");
  const x = base64urlOf(key.subarray(0, 32));
  const y = base64urlOf(key.subarray(32));
  return createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
}

/** DER: a PKCS#1 RSAPublicKey or an X.509 SubjectPublicKeyInfo. */
function rsaKey(der: Uint8Array): KeyObject {
  const key = Buffer.from(der);
  let found: KeyObject;
  try {
    found = createPublicKey({ key, format: "der", type: "spki" });
  } catch {
    found = createPublicKey({ key, format: "der", type: "pkcs1" });
  }
  const { modulusLength } = found.asymmetricKeyDetails ?? {};
  if (found.asymmetricKeyType !== "rsa" || modulusLength !== 4096) {
    throw new Error("The key is not an RSA key of 4096 bits");
  }
  return found;
}

function digestOf(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}
