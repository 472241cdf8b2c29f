import { hkdfSync } from "node:crypto";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { concat, utf8 } from "../../base/bytes.ts";
import type { RandomBytes } from "./polynomial.ts";

/**
 * A share on its way to the one who shall hold it. Both sides announced an X25519 key, made for
 * this session and signed by their validator's key; what the two make together (HKDF-SHA-256) is
 * the key of an XChaCha20-Poly1305 box. So nobody but the dealer can have made it, and once both
 * have let go of their session's keys nobody can open it any more.
 */
export interface BoxPlace {
  registerId: string;
  epoch: number;
  /** Of the session, hex. */
  nonce: string;
  dealerId: string;
  recipientId: string;
  /** The recipient's. */
  index: number;
  /** What all have seen when the box is made: who takes part, with which keys. */
  transcript: Uint8Array;
}

export interface SessionKeys {
  secret: Uint8Array;
  publicKey: Uint8Array;
}

export function newSessionKeys(random: RandomBytes): SessionKeys {
  const secret = random(32);
  return { secret, publicKey: x25519.getPublicKey(secret) };
}

/** 24 bytes of nonce, then the sealed share. */
export function closeBox(
  share: Uint8Array,
  box: { place: BoxPlace; own: SessionKeys; theirs: Uint8Array; random: RandomBytes },
): Uint8Array {
  const nonce = box.random(24);
  const sealed = xchacha20poly1305(boxKey(box), nonce, placeBytes(box.place)).encrypt(share);
  return concat([nonce, sealed]);
}

/** Null for a box that was made by another, for another, or for another place. */
export function openBox(
  bytes: Uint8Array,
  box: { place: BoxPlace; own: SessionKeys; theirs: Uint8Array },
): Uint8Array | null {
  try {
    const cipher = xchacha20poly1305(boxKey(box), bytes.slice(0, 24), placeBytes(box.place));
    return cipher.decrypt(bytes.slice(24));
  } catch {
    return null;
  }
}

/** Throws for a public key of small order. */
function boxKey(box: { place: BoxPlace; own: SessionKeys; theirs: Uint8Array }): Uint8Array {
  const shared = x25519.getSharedSecret(box.own.secret, box.theirs);
  const { transcript } = box.place;
  return new Uint8Array(hkdfSync("sha256", shared, transcript, placeBytes(box.place), 32));
}

function placeBytes(place: BoxPlace): Uint8Array {
  const { registerId, epoch, nonce, dealerId, recipientId, index } = place;
  return utf8(JSON.stringify([boxTag, registerId, epoch, nonce, dealerId, recipientId, index]));
}

const boxTag = "sorcha.peer.keygeneration.v1.share";
