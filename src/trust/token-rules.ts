import { join } from "node:path";
import { systemClock } from "../runtime/clock.ts";
import type { Config } from "../runtime/config.ts";
import { limits } from "../runtime/limits.ts";
import { Keyring } from "./keyring.ts";
import { Revocations, revocationsFile } from "./revocations.ts";

/** What every gate of this node holds tokens to, and what changes it while the node runs. */
export interface Tokens {
  rules: {
    key: () => readonly string[];
    issuer: string;
    audience: string;
    clockSkewMs: number;
    isRevoked: (tokenId: string) => boolean;
  };
  revoke(tokenId: string, untilMs: number): Promise<void>;
  /** Reads the keys again. */
  reload(config: Config): Promise<void>;
}

/** Reads keys and revocations of the data directory. Throws `configuration`. */
export async function openTokens(config: Config, dataDir: string): Promise<Tokens> {
  const keyring = await Keyring.open({ ...config, dataDir });
  const revocations = await Revocations.open({
    file: join(dataDir, revocationsFile),
    countMax: limits.revokedTokens,
    nowMs: () => systemClock.nowMs(),
  });
  return {
    rules: {
      key: () => keyring.current(),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      clockSkewMs: config.jwtClockSkewMs,
      isRevoked: (tokenId) => revocations.isRevoked(tokenId),
    },
    revoke: (tokenId, untilMs) => revocations.revoke(tokenId, untilMs),
    reload: (next) => keyring.reload({ ...next, dataDir }),
  };
}
