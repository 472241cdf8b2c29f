import { hkdfSync, sign } from "node:crypto";
import { base64urlOf, bytesOfBase64url, concat, utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import {
  newSeed,
  privateKeyOfSeed,
  publicKeyOfSeed,
  type Signer,
  signerOfSeed,
} from "../dockets/keys.ts";
import { type DataDir, readSecret } from "../runtime/data-dir.ts";
import { isSignedBy, nodeIdOfKey } from "../trust/node-key.ts";
import { isSigned, type PeerRecord, recordBytes } from "./record.ts";

/** Who this node is: one name and one Ed25519 key, everywhere. */
export interface Identity {
  nodeId: string;
  publicKey: Uint8Array;
  /** Ed25519 over any bytes. */
  sign(bytes: Uint8Array): Uint8Array;
  /** The same key in its role as a validator. */
  signer: Signer;
  /** 32 bytes that only who has the key can make, different for each purpose. */
  secretFor(purpose: string): Uint8Array;
}

/** The key file's name in the data directory; mode 0600. */
export const nodeKeyFile = "node.key";

/**
 * The node's key from its data directory, made at the first start. Its name is the configured one,
 * else the one it had before, else one derived from the key.
 */
export async function loadIdentity(dataDir: DataDir, configuredId?: string): Promise<Identity> {
  const stored = await dataDir.readSecret(nodeKeyFile);
  const key = stored === null ? { seed: newSeed(), nodeId: null } : parseKey(stored);
  const publicKey = publicKeyOfSeed(key.seed);
  const nodeId = configuredId ?? key.nodeId ?? nodeIdOfKey(publicKey);
  if (stored === null || nodeId !== key.nodeId) {
    const text = JSON.stringify({ nodeId, algorithm: "ED25519", seed: base64urlOf(key.seed) });
    await dataDir.writeSecret(nodeKeyFile, `${text}\n`);
  }
  return identityOf(nodeId, key.seed);
}

/** The identity that a key file holds, read without a lock; null when there is none. */
export async function readIdentity(path: string): Promise<Identity | null> {
  const stored = await readSecret(path);
  if (stored === null) return null;
  const { seed, nodeId } = parseKey(stored);
  return identityOf(nodeId ?? nodeIdOfKey(publicKeyOfSeed(seed)), seed);
}

export function identityOf(nodeId: string, seed: Uint8Array): Identity {
  const privateKey = privateKeyOfSeed(seed);
  return {
    nodeId,
    publicKey: publicKeyOfSeed(seed),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
    signer: signerOfSeed(seed),
    secretFor: (purpose) => new Uint8Array(hkdfSync("sha256", seed, "", utf8(purpose), 32)),
  };
}

export function isRecordGenuine(record: PeerRecord): boolean {
  if (!isSigned(record)) return false;
  return isSignedBy(record.publicKey as Uint8Array, {
    bytes: recordBytes(record),
    signature: record.signature as Uint8Array,
  });
}

/** What a node signs to show that it holds its key: a tag, the asker's nonce, the asker's name. */
export function helloBytes(nonce: Uint8Array, askerId: string): Uint8Array {
  return concat([utf8("sorcha-hello-v1:"), nonce, utf8(askerId)]);
}

function parseKey(text: string): { seed: Uint8Array; nodeId: string | null } {
  try {
    const parsed = JSON.parse(text) as { seed?: unknown; nodeId?: unknown };
    const seed = bytesOfBase64url(String(parsed.seed));
    if (seed?.length === 32) {
      return { seed, nodeId: typeof parsed.nodeId === "string" ? parsed.nodeId : null };
    }
  } catch {
    // Falls through to the one sentence below.
  }
  throw new PeerError("configuration", "bad-key-file", {
    message: `The file ${nodeKeyFile} in the data directory holds no key of this program`,
  });
}
