import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf, PeerError } from "../base/error.ts";

/** What operators and checks want to know of a certificate. Times are unix ms. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  /** The node it stands for; null for an authority's, or one that names none or several. */
  nodeId: string | null;
  isAuthority: boolean;
  validFromMs: number;
  validToMs: number;
  /** SHA-256, colons between. */
  fingerprint: string;
}

/**
 * The node that the names of a certificate stand for: its one DNS name, letter by letter. Addresses
 * beside it don't count; a wildcard, or a second DNS name, makes it nobody's.
 */
export function nodeIdOfNames(subjectAltName: string): string | null {
  const names = subjectAltName.split(/,\s*/).flatMap((entry) => {
    const match = /^DNS:(.*)$/s.exec(entry);
    return match === null ? [] : [match[1] ?? ""];
  });
  const only = names.length === 1 ? (names[0] ?? "") : "";
  return /^[A-Za-z0-9._-]{1,64}$/.test(only) ? only : null;
}

/** The certificates of a PEM text, in its order. Throws `configuration` naming the file. */
export function certificatesOf(pem: string, file: string): X509Certificate[] {
  const blocks = pem.match(pemBlock) ?? [];
  if (blocks.length === 0) throw unusable(file, "it holds no certificate");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw unusable(file, messageOf(thrown));
  }
}

export function keyOf(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (thrown) {
    throw unusable(file, `it holds no private key (${messageOf(thrown)})`);
  }
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    nodeId: certificate.ca ? null : nodeIdOfNames(certificate.subjectAltName ?? ""),
    isAuthority: certificate.ca,
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  };
}

/** Whether one of the authorities signed it; what lies between them is not followed. */
export function isIssuedByOneOf(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): boolean {
  return authorities.some(
    (authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
  );
}

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function oneLine(name: string): string {
  return name.trim().replaceAll("\n", ", ");
}

function unusable(file: string, why: string): PeerError {
  return new PeerError("configuration", "bad-certificate-file", {
    message: `The file ${file} is not usable: ${why}`,
  });
}
