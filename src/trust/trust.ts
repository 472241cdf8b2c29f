import { join } from "node:path";
import type { Clock } from "../runtime/clock.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { Outgoing } from "./outgoing.ts";
import { OwnToken } from "./own-token.ts";
import { TlsFiles, type TlsPaths } from "./tls-files.ts";
import { TokenGate } from "./tokens.ts";

/** How this node and its peers know each other, by what it was configured to. */
export interface Trust {
  gatekeeper: Gatekeeper;
  outgoing: Outgoing;
  tls: TlsFiles | null;
  status(): TrustStatus;
  close(): Promise<void>;
}

/** For health reports and metrics. Times are unix ms; null: there is no certificate. */
export interface TrustStatus {
  peerAuth: Config["peerAuth"];
  isEncrypted: boolean;
  certificateExpiresAtMs: number | null;
  /** The soonest end of the trusted authorities' certificates. */
  authorityExpiresAtMs: number | null;
}

/** Names in the data directory's `tls/`, for what was not configured. */
export const tlsNames = { certificate: "node.crt", key: "node.key", ca: "ca.crt" } as const;

export function tlsPaths(config: Config): TlsPaths {
  const folder = join(config.dataDir, "tls");
  return {
    certificate: config.tlsCertificate ?? join(folder, tlsNames.certificate),
    key: config.tlsKey ?? join(folder, tlsNames.key),
    ca: config.tlsCa ?? join(folder, tlsNames.ca),
  };
}

/**
 * Reads what the mode needs. `mtls` needs certificates; the other modes encrypt when certificates
 * are configured. Throws `configuration` in one sentence.
 */
export async function openTrust(
  config: Config,
  given: {
    identity: { nodeId: string; publicKey: Uint8Array; sign: (bytes: Uint8Array) => Uint8Array };
    /** The key of tokens, or all that count at this moment; and which tokens no longer do. */
    jwtKey: string | (() => readonly string[]);
    isRevoked?: (tokenId: string) => boolean;
    clock: Clock;
    log: Log;
  },
): Promise<Trust> {
  const { identity, clock, log } = given;
  const { nodeId } = identity;
  const nowMs = () => clock.nowMs();
  const mode = config.peerAuth;
  const tokens = new TokenGate({
    key: given.jwtKey,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    clockSkewMs: config.jwtClockSkewMs,
    ...(given.isRevoked === undefined ? {} : { isRevoked: given.isRevoked }),
    nowMs,
  });
  const isEncrypted = mode === "mtls" || config.tlsCertificate !== undefined;
  const token =
    mode === "token"
      ? await OwnToken.open({ nodeId, file: config.peerTokenFile ?? null, tokens, clock, log })
      : null;
  const tls = isEncrypted
    ? await TlsFiles.open({ paths: tlsPaths(config), nodeId, clock, log })
    : null;
  warn(config, log);
  return {
    tls,
    gatekeeper: new Gatekeeper({
      mode,
      nodeId,
      tokens,
      isStillTrusted: (certificate) => tls?.isStillTrusted(certificate) ?? true,
      nowMs,
    }),
    outgoing: new Outgoing({
      nodeId,
      key: identity,
      tls,
      token: () => token?.current() ?? null,
      nowMs,
    }),
    status: () => ({
      peerAuth: mode,
      isEncrypted,
      certificateExpiresAtMs: tls?.expiresAtMs().own ?? null,
      authorityExpiresAtMs: tls?.expiresAtMs().authority ?? null,
    }),
    close: async () => {
      await token?.close();
      await tls?.close();
    },
  };
}

function warn(config: Config, log: Log): void {
  if (config.peerAuth === "open" && config.production) {
    log.warn(
      { peerAuth: "open" },
      "Production with peerAuth open: anybody may call this node a peer",
    );
  }
  if (config.peerAuth === "token" && config.tlsCertificate === undefined) {
    log.warn({ peerAuth: "token" }, "Tokens travel in the clear: set tlsCertificate to encrypt");
  }
}
