import { base64urlOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { readSecret, writeSecret } from "../runtime/data-dir.ts";

/** Within the data directory, mode 0600: the key that tokens are signed with, then older ones. */
const keyFile = "jwt.key";

interface KeySettings {
  dataDir: string;
  production: boolean;
  jwtSigningKey?: string | undefined;
  jwtVerificationKeys?: readonly string[];
}

/** The configured key, else the kept one, else a new one to keep; production never makes one. */
export async function openSigningKey(settings: KeySettings): Promise<string> {
  const known = await findSigningKey(settings);
  if (known !== null) return known;
  if (settings.production) {
    throw new PeerError("configuration", "no-jwt-key", {
      message: "Production needs a token signing key of 32 bytes or more: set PEER_JWT_SIGNING_KEY",
    });
  }
  const made = base64urlOf(crypto.getRandomValues(new Uint8Array(32)));
  await writeSecret(`${settings.dataDir}/${keyFile}`, made);
  return made;
}

/** The configured or the kept key; null when there is neither. */
export async function findSigningKey(settings: KeySettings): Promise<string | null> {
  const [first] = await findTokenKeys({ ...settings, jwtVerificationKeys: [] });
  return first ?? null;
}

/** Every key whose tokens count, the signing one first; empty when there is none to sign with. */
export async function findTokenKeys(settings: KeySettings): Promise<string[]> {
  const older = settings.jwtVerificationKeys ?? [];
  if (settings.jwtSigningKey !== undefined) return [settings.jwtSigningKey, ...older];
  const text = await readSecret(`${settings.dataDir}/${keyFile}`);
  const kept = (text ?? "").split("\n").filter((line) => line.trim() !== "");
  return kept.length === 0 ? [] : [...kept, ...older];
}
