/**
 * TLS on both ends of a channel, with certificates that change while the node runs: a new
 * connection takes the newest, an open one keeps what it began with. Measured on Bun 1.4.5: the
 * listener's context can be swapped, `checkServerIdentity` is called with the certificate, and a
 * server name must be set and be no IP address.
 */
import { isIP } from "node:net";
import type { PeerCertificate } from "node:tls";
import {
  type ChannelCredentials,
  credentials,
  experimental,
  type Server,
  ServerCredentials,
} from "@grpc/grpc-js";

/** PEM texts. */
export interface TlsMaterial {
  /** Certificates of every authority that is trusted. */
  ca: Buffer;
  /** Ours first, then what leads from it to an authority. */
  certificate: Buffer;
  key: Buffer;
}

export interface TlsSource {
  current(): TlsMaterial;
  /** Calls at every change; gives what ends that. */
  onChange(listener: (material: TlsMaterial) => void): () => void;
}

export interface ServerCheck {
  source: TlsSource;
  /** The name asked for in the handshake. */
  serverName: string;
  /** What is wrong with a trusted certificate of these names (DER beside it); null: nothing. */
  problemOf: (subjectAltName: string, raw: Uint8Array) => string | null;
}

export function listenerCredentials(source: TlsSource | null): ServerCredentials {
  if (source === null) return ServerCredentials.createInsecure();
  const provider = new SourceProvider(source);
  // A caller without a good certificate is refused by its first call, where it can be told why.
  return experimental.createCertificateProviderServerCredentials(provider, provider, false);
}

export function channelCredentials(check: ServerCheck | null): ChannelCredentials {
  if (check === null) return credentials.createInsecure();
  const provider = new SourceProvider(check.source);
  // Whoever has no certificate may still check the other side's.
  const own = check.source.current().key.length > 0 ? provider : null;
  return experimental.createCertificateProviderChannelCredentials(provider, own, {
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => {
      const problem = check.problemOf(certificate.subjectaltname ?? "", certificate.raw);
      return problem === null ? undefined : new Error(problem);
    },
  });
}

/** A name that the handshake takes; `problemOf` decides, whatever the name. */
export function serverNameFor(nodeId: string | null): string {
  const isUsable = nodeId !== null && isIP(nodeId) === 0 && /^[A-Za-z0-9._-]+$/.test(nodeId);
  return isUsable ? nodeId : "sorcha-peer";
}

/** Calls with what broke a handshake, which the library keeps to itself. */
export function onHandshakeFailure(
  server: Server,
  listener: (failure: { address: string; reason: string }) => void,
): void {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Listening, unknown> };
  for (const listening of http2Servers?.keys() ?? []) {
    listening.on("tlsClientError", (error, socket) => {
      listener({ address: socket?.remoteAddress ?? "", reason: error.message });
    });
  }
}

interface Listening {
  on(
    event: "tlsClientError",
    listener: (error: Error, socket?: { remoteAddress?: string }) => void,
  ): void;
}

type CaListener = Parameters<experimental.CertificateProvider["addCaCertificateListener"]>[0];
type IdentityListener = Parameters<
  experimental.CertificateProvider["addIdentityCertificateListener"]
>[0];

/** Our source in the library's words. It wants the first value later than the call that asks. */
class SourceProvider implements experimental.CertificateProvider {
  readonly #stops = new Map<CaListener | IdentityListener, () => void>();

  constructor(private readonly source: TlsSource) {}

  addCaCertificateListener(listener: CaListener): void {
    this.#add(listener, ({ ca }) => listener({ caCertificate: ca }));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#remove(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#add(listener, ({ certificate, key }) => listener({ certificate, privateKey: key }));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#remove(listener);
  }

  #add(listener: CaListener | IdentityListener, tell: (material: TlsMaterial) => void): void {
    this.#stops.set(listener, this.source.onChange(tell));
    queueMicrotask(() => {
      if (this.#stops.has(listener)) tell(this.source.current());
    });
  }

  #remove(listener: CaListener | IdentityListener): void {
    this.#stops.get(listener)?.();
    this.#stops.delete(listener);
  }
}
