import { X509Certificate } from "node:crypto";
import { PeerError } from "../base/error.ts";
import type { PeerAuth } from "../runtime/config.ts";
import { nodeIdOfNames } from "./certificate.ts";
import { nodeIdOfKey } from "./node-key.ts";
import { isProofTrue, parseProof } from "./proof.ts";
import type { TokenGate } from "./tokens.ts";

/** What a caller brought along; `wire/credentials.ts` reads it off a call. */
export interface Shown {
  claimedId: string | null;
  certificate: ShownCertificate | null;
  authorization: string | null;
  proof: string | null;
}

interface ShownCertificate {
  isTrusted: boolean;
  problem: string | null;
  subjectAltName: string;
  raw: Uint8Array;
  validToMs: number;
}

/** `provenId`: who it is beyond doubt; `publicKey`: the key that signed this call. */
export interface Known {
  peerId: string | null;
  provenId: string | null;
  publicKey: Uint8Array | null;
}

/**
 * Decides who a caller is. A bad credential is refused in every mode, so that it is noticed; a
 * missing one where the mode asks for it. All that is proven and all that is claimed must name one
 * node. Throws `unauthenticated` with a sentence for both sides.
 */
export class Gatekeeper {
  constructor(
    private readonly options: {
      mode: PeerAuth;
      nodeId: string;
      tokens: Pick<TokenGate, "callerOf">;
      /** Whether the present authorities still stand for a certificate. */
      isStillTrusted: (certificate: X509Certificate) => boolean;
      nowMs: () => number;
    },
  ) {}

  async identify(shown: Shown): Promise<Known> {
    const { mode } = this.options;
    const { claimedId } = shown;
    if (claimedId !== null && !nodeIdPattern.test(claimedId)) {
      throw refusal("false-identity", "The caller's node id is not usable as one");
    }
    const certified = shown.certificate === null ? null : this.#certified(shown.certificate);
    const tokened = shown.authorization === null ? null : await this.#tokened(shown.authorization);
    if (mode === "mtls" && certified === null) {
      throw refusal("no-certificate", "This node wants a certificate from its peers; none came");
    }
    if (mode === "token" && tokened === null) {
      throw refusal("no-token", "This node wants a token from its peers; none came");
    }
    const proven = agreed(certified, tokened);
    if (proven !== null && claimedId !== null && claimedId !== proven.nodeId) {
      throw refusal(
        "false-identity",
        `The caller says it is ${claimedId}, and its ${proven.by} is ${proven.nodeId}'s`,
      );
    }
    const callerId = proven?.nodeId ?? claimedId;
    const publicKey = this.#signingKey(shown.proof, callerId);
    const isNameOfKey = publicKey !== null && callerId === nodeIdOfKey(publicKey);
    return {
      peerId: callerId,
      provenId: proven?.nodeId ?? (isNameOfKey ? callerId : null),
      publicKey,
    };
  }

  #certified(certificate: ShownCertificate): Proven {
    if (!certificate.isTrusted) {
      throw refusal("bad-certificate", `The caller's certificate is ${reasonOf(certificate)}`);
    }
    if (certificate.validToMs < this.options.nowMs()) {
      throw refusal("bad-certificate", "The caller's certificate has expired since it connected");
    }
    if (!this.options.isStillTrusted(new X509Certificate(certificate.raw))) {
      throw refusal(
        "bad-certificate",
        "The authorities changed since the caller connected; it must connect anew",
      );
    }
    const nodeId = nodeIdOfNames(certificate.subjectAltName);
    if (nodeId !== null) return { nodeId, by: "certificate" };
    throw refusal("bad-certificate", "The caller's certificate does not name one node");
  }

  async #tokened(header: string): Promise<Proven> {
    const holder = await this.options.tokens.callerOf(header);
    if (holder.isAnonymous || !holder.isService) {
      throw refusal("needs-service-token", "Peers show a service token; this is a user's");
    }
    if (nodeIdPattern.test(holder.subject)) return { nodeId: holder.subject, by: "token" };
    throw refusal("bad-token", "The token's subject is no node id");
  }

  /** An old proof says nothing: clocks differ. A wrong one is refused. */
  #signingKey(text: string | null, callerId: string | null): Uint8Array | null {
    if (text === null) return null;
    const proof = parseProof(text);
    const { nodeId, nowMs } = this.options;
    if (proof === null || callerId === null) {
      throw refusal("bad-proof", "The call's proof is malformed");
    }
    if (!isProofTrue(proof, { callerId, targetId: nodeId })) {
      throw refusal(
        "bad-proof",
        `The call's proof is not that of ${callerId} calling ${nodeId}, which is this node`,
      );
    }
    const isFresh = Math.abs(nowMs() - proof.issuedAtMs) <= proofLifetimeMs;
    return isFresh ? proof.publicKey : null;
  }
}

interface Proven {
  nodeId: string;
  by: "certificate" | "token";
}

/** How old, or how far ahead, a proof may be: clocks of nodes differ by minutes. */
const proofLifetimeMs = 5 * 60_000;
const nodeIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

function agreed(certified: Proven | null, tokened: Proven | null): Proven | null {
  if (certified !== null && tokened !== null && certified.nodeId !== tokened.nodeId) {
    throw refusal(
      "false-identity",
      `The caller's certificate is ${certified.nodeId}'s, and its token ${tokened.nodeId}'s`,
    );
  }
  return certified ?? tokened;
}

/** The TLS layer's names for what operators meet most. */
function reasonOf(certificate: ShownCertificate): string {
  switch (certificate.problem) {
    case "CERT_HAS_EXPIRED":
      return "expired";
    case "CERT_NOT_YET_VALID":
      return "not valid yet";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return "of an authority that this node does not trust";
    default:
      return `not trusted: ${certificate.problem}`;
  }
}

function refusal(code: string, message: string): PeerError {
  return new PeerError("unauthenticated", code, { message });
}
