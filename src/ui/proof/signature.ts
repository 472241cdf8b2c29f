import type { Signature } from "../../dockets/types.ts";
import { bytesOf } from "./step.ts";

/** A name for each algorithm, whatever its spelling; null for one that nobody knows. */
export function algorithmOf(name: string): "ED25519" | "NISTP256" | "RSA4096" | null {
  if (name === "ED25519") return "ED25519";
  if (/^(NISTP256|NIST-P256|P-256|ECDSA-P256)$/.test(name)) return "NISTP256";
  return /^RSA(-?4096)?$/.test(name) ? "RSA4096" : null;
}

/** Whether a signature is true of a text's SHA-256; null where this browser cannot tell. */
export async function isSigned(
  signature: Signature,
  text: string,
  subtle: SubtleCrypto,
): Promise<boolean | null> {
  const algorithm = algorithmOf(signature.algorithm);
  if (algorithm === null) return null;
  try {
    const told = {
      key: bytesOf(signature.publicKey),
      value: bytesOf(signature.signatureValue),
      text: new TextEncoder().encode(text),
    };
    return await checks[algorithm](told, subtle);
  } catch {
    return false;
  }
}

interface Told {
  key: Uint8Array<ArrayBuffer>;
  value: Uint8Array<ArrayBuffer>;
  text: Uint8Array<ArrayBuffer>;
}

const checks = {
  ED25519: async ({ key, value, text }: Told, subtle: SubtleCrypto) => {
    const message = await subtle.digest("SHA-256", text);
    const known = await subtle.importKey("raw", key, "Ed25519", false, ["verify"]).catch(isUnknown);
    if (known !== null) return subtle.verify("Ed25519", known, value, message);
    const { isEd25519True } = await import("./curves.ts");
    return isEd25519True({ signature: value, key, message: new Uint8Array(message) });
  },
  NISTP256: async ({ key, value, text }: Told, subtle: SubtleCrypto) => {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const point = Uint8Array.from([4, ...key]);
    const known = await subtle.importKey("raw", point, curve, false, ["verify"]);
    return subtle.verify({ name: "ECDSA", hash: "SHA-256" }, known, value, text);
  },
  RSA4096: async ({ key, value, text }: Told, subtle: SubtleCrypto) => {
    const scheme = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const read = (der: Uint8Array<ArrayBuffer>) =>
      subtle.importKey("spki", der, scheme, false, ["verify"]);
    const known = await read(key).catch(() => read(wrapped(key)));
    return subtle.verify(scheme, known, value, text);
  },
};

/** Older browsers know no Ed25519 at all; what else is wrong is wrong with the key. */
function isUnknown(thrown: unknown): null {
  if (thrown instanceof DOMException && thrown.name === "NotSupportedError") return null;
  throw thrown;
}

/** A PKCS#1 key as the SubjectPublicKeyInfo that browsers read. */
function wrapped(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const bits = der(0x03, Uint8Array.from([0, ...key]));
  return der(0x30, Uint8Array.from([...rsaName, ...bits]));
}

/** `SEQUENCE { OID rsaEncryption, NULL }` */
const rsaName = [48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0];

function der(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Uint8Array.from([tag, ...size, ...content]);
}
