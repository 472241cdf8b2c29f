import { X509Certificate } from "node:crypto";
import { factsOf, nodeIdOfNames } from "./certificate.ts";
import { proofText } from "./proof.ts";
import type { TlsFiles } from "./tls-files.ts";

export interface OutgoingOptions {
  nodeId: string;
  key: { publicKey: Uint8Array; sign: (bytes: Uint8Array) => Uint8Array };
  tls: TlsFiles | null;
  /** Null: this node shows none. */
  token: () => string | null;
  nowMs: () => number;
}

/** How this node shows itself to others, and knows them: one `Meeting` a channel. */
export class Outgoing {
  constructor(private readonly options: OutgoingOptions) {}

  /** For a channel to the peer; null: to whoever answers there. */
  meet(peerId: string | null): Meeting {
    return new Meeting(peerId, this.options);
  }

  /**
   * Whether each connection proves that the peer meant is at its other end: a certificate does. A
   * key that was proven on an earlier connection says nothing of the next one.
   */
  get provesPeers(): boolean {
    return this.options.tls !== null;
  }
}

/** One channel's side of it; what `openChannel` asks for, with the name that was found. */
export class Meeting {
  #certifiedId: string | null = null;
  #certificate: X509Certificate | null = null;
  #proof: { text: string; issuedAtMs: number } | null = null;

  constructor(
    private expectedId: string | null,
    private readonly options: OutgoingOptions,
  ) {}

  /** What the channel checks the other side by; null: nothing. */
  check(): {
    source: TlsFiles;
    problemOf: (names: string, raw: Uint8Array) => string | null;
  } | null {
    const { tls } = this.options;
    if (tls === null) return null;
    return { source: tls, problemOf: (names, raw) => this.#problemOf(names, raw) };
  }

  /** What has become wrong since the handshake, with which the channel must end; null: nothing. */
  lostTrust(): string | null {
    const { tls, nowMs } = this.options;
    const certificate = this.#certificate;
    if (tls === null || certificate === null) return null;
    if (factsOf(certificate).validToMs < nowMs()) return "Its certificate has expired";
    return tls.isStillTrusted(certificate)
      ? null
      : "Its certificate's authority is not trusted now";
  }

  /** Whose certificate answered; null: none did. */
  certifiedId(): string | null {
    return this.#certifiedId;
  }

  /** From now on the peer has a name: calls are signed for it. */
  expect(peerId: string): void {
    this.expectedId = peerId;
  }

  credentials(): { authorization?: string; proof?: string } {
    const token = this.options.token();
    return {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(this.expectedId === null ? {} : { proof: this.#proofFor(this.expectedId) }),
    };
  }

  #problemOf(names: string, raw: Uint8Array): string | null {
    const nodeId = nodeIdOfNames(names);
    if (nodeId === null)
      return `The certificate there (${names.slice(0, 200)}) names no single node`;
    if (this.expectedId !== null && nodeId !== this.expectedId) {
      return `The certificate there is ${nodeId}'s, not ${this.expectedId}'s`;
    }
    this.#certifiedId = nodeId;
    this.#certificate = new X509Certificate(raw);
    return null;
  }

  /** Signed again once a minute. */
  #proofFor(targetId: string): string {
    const nowMs = Math.floor(this.options.nowMs());
    if (this.#proof === null || Math.abs(nowMs - this.#proof.issuedAtMs) > proofRenewMs) {
      const call = { callerId: this.options.nodeId, targetId, issuedAtMs: nowMs };
      this.#proof = { text: proofText(call, this.options.key), issuedAtMs: nowMs };
    }
    return this.#proof.text;
  }
}

const proofRenewMs = 60_000;
