/**
 * Makes certificates: for an operator's hand, not for a running node. The library is loaded when it
 * is first used, and after the one it needs: imports alone don't keep that order in a binary.
 */
import type { X509Certificate } from "@peculiar/x509";

/** PEM texts. */
export interface CertificatePair {
  certificate: string;
  key: string;
}

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const signingAlgorithm = { ...keyAlgorithm, hash: "SHA-256" } as const;
/** Clocks of nodes differ: a certificate made now must be good on one that is behind. */
const headStartMs = 5 * 60_000;

/** An organisation's authority: it vouches for nodes and for no further authorities. */
export async function issueAuthority(options: {
  name: string;
  validMs: number;
  nowMs: number;
}): Promise<CertificatePair> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: commonName(options.name),
    ...span(options),
    signingAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

/** A node's certificate: its one DNS name is the node id, and it serves both ends of a channel. */
export async function issueNode(
  authority: CertificatePair,
  options: { nodeId: string; validMs: number; nowMs: number },
): Promise<CertificatePair> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: commonName(options.nodeId),
    issuer: issuer.subject,
    ...span(options),
    signingAlgorithm,
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: options.nodeId }]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

async function library(): Promise<typeof import("@peculiar/x509")> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

function span(options: { validMs: number; nowMs: number }): { notBefore: Date; notAfter: Date } {
  const { nowMs, validMs } = options;
  const fromMs = nowMs + Math.min(0, validMs) - headStartMs;
  return { notBefore: new Date(fromMs), notAfter: new Date(nowMs + validMs) };
}

function commonName(name: string): { CN: string[] }[] {
  return [{ CN: [name] }];
}

/** 127 bits by chance, as certificates ask for. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

async function keyPem(key: CryptoKey): Promise<string> {
  const { PemConverter } = await library();
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key));
  return PemConverter.encode(pkcs8, "PRIVATE KEY").trim().concat("\n");
}

async function signingKeyOf(pem: string): Promise<CryptoKey> {
  const { PemConverter } = await library();
  const [pkcs8] = PemConverter.decode(pem);
  return crypto.subtle.importKey("pkcs8", pkcs8 as ArrayBuffer, signingAlgorithm, false, ["sign"]);
}
