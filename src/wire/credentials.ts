import type { PeerCertificate } from "node:tls";
import type { Metadata } from "@grpc/grpc-js";
import { isNodeId } from "./checks.ts";

/** Where a node says who it is; believed only as far as the node's peer authentication goes. */
export const nodeIdHeader = "sorcha-node-id";
/** Where a node signs that it makes this call, to this node, now. */
export const proofHeader = "sorcha-proof";
const tokenHeader = "authorization";

/** Everything a caller brought along to say who it is, none of it believed yet. */
export interface Credentials {
  /** host:port of the connection's other end. */
  address: string;
  claimedId: string | null;
  certificate: PresentedCertificate | null;
  authorization: string | null;
  proof: string | null;
}

export interface PresentedCertificate {
  /** The TLS layer followed it to a certificate authority that this node trusts. */
  isTrusted: boolean;
  /** Why not, in the TLS layer's words. */
  problem: string | null;
  /** Such as `DNS:node-a, IP Address:10.0.0.5`. */
  subjectAltName: string;
  /** DER. */
  raw: Uint8Array;
  validToMs: number;
}

/** What goes along with a call of ours. */
export interface OwnCredentials {
  authorization?: string;
  proof?: string;
}

export interface IncomingCall {
  metadata: Metadata;
  getPeer(): string;
  getAuthContext(): { sslPeerCertificate?: PeerCertificate };
}

export function credentialsOf(call: IncomingCall): Credentials {
  return {
    address: call.getPeer(),
    claimedId: headerOf(call.metadata, nodeIdHeader),
    certificate: certificateOf(call),
    authorization: headerOf(call.metadata, tokenHeader),
    proof: headerOf(call.metadata, proofHeader),
  };
}

export function setCredentials(metadata: Metadata, own: OwnCredentials): void {
  if (own.authorization !== undefined) metadata.set(tokenHeader, own.authorization);
  if (own.proof !== undefined) metadata.set(proofHeader, own.proof);
}

/** Who a caller says it is, as far as that can be a node at all. */
export function usableClaim({ claimedId }: { claimedId: string | null }): string | null {
  return claimedId !== null && isNodeId(claimedId) ? claimedId : null;
}

/** A header that came twice is no header: which of the two to believe is nobody's guess. */
export function headerOf(metadata: Metadata, name: string): string | null {
  const values = metadata.get(name);
  return values.length === 1 ? String(values[0]) : values.length === 0 ? null : "";
}

/**
 * The library hands out a certificate only when it is trusted. For one that is not, the connection
 * itself is asked what was presented, so that the refusal can say why.
 */
function certificateOf(call: IncomingCall): PresentedCertificate | null {
  const trusted = call.getAuthContext().sslPeerCertificate;
  if (trusted !== undefined) return presented(trusted, null);
  const socket = socketOf(call);
  const shown = socket?.getPeerCertificate?.();
  if (shown?.raw === undefined) return null;
  return presented(shown, String(socket?.authorizationError ?? "not trusted"));
}

function presented(certificate: PeerCertificate, problem: string | null): PresentedCertificate {
  return {
    isTrusted: problem === null,
    problem,
    subjectAltName: certificate.subjectaltname ?? "",
    raw: certificate.raw,
    validToMs: Date.parse(certificate.valid_to),
  };
}

interface TlsSocket {
  authorizationError?: unknown;
  getPeerCertificate?: () => PeerCertificate | undefined;
}

/** Not part of the library's interface, and so only asked for the wording of a refusal. */
function socketOf(call: unknown): TlsSocket | null {
  const inner = call as { call?: { stream?: { session?: { socket?: TlsSocket } } } };
  return inner.call?.stream?.session?.socket ?? null;
}
