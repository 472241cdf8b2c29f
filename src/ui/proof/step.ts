/** One thing that was computed here and compared. */
export interface Step {
  title: string;
  /** What was hashed or checked, as text to look at. */
  input: string;
  /** What came out here, and what it should be; "" where there is nothing to compare. */
  computed: string;
  expected: string;
  isTrue: boolean;
  /** Nothing could be said: neither true nor false. */
  isOpen?: boolean;
}

/** Lowercase hex of the SHA-256 of a text. */
export async function sha256(subtle: SubtleCrypto, text: string): Promise<string> {
  const digest = await subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Throws for what is no base64url. */
export function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
