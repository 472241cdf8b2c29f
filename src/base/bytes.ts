const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * The text, or null when the bytes are not well-formed UTF-8. A byte order mark is kept as it is.
 */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Lowercase hex. */
export function hexOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("hex");
}

/** Bytes of lowercase hex of even length, or null for anything else. */
export function bytesOfHex(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) return null;
  return Buffer.from(hex, "hex");
}

/** Base64url without padding. */
export function base64urlOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("base64url");
}

/**
 * Bytes of base64url in its one canonical spelling, or null. Padding, foreign characters and set
 * bits behind the last byte are refused, so that no two spellings stand for one signature.
 */
export function bytesOfBase64url(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}

export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return asBuffer(left).equals(right);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/**
 * The bytes in a buffer of their own that may be handed to a thread; copies only when they share
 * one.
 */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  if (whole && bytes.buffer instanceof ArrayBuffer) return new Uint8Array(bytes.buffer);
  return new Uint8Array(bytes);
}

/**
 * The bytes as a view that keeps little else in memory; copies only where they are a small part of
 * something larger.
 */
export function apart(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  const isMost = buffer.byteLength - byteLength <= byteLength / 8;
  if (isMost && buffer instanceof ArrayBuffer)
    return new Uint8Array(buffer, byteOffset, byteLength);
  return new Uint8Array(bytes);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
