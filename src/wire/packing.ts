import { gunzipSync, gzipSync } from "node:zlib";
import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";

/**
 * Bytes of a transaction on their way, compressed where the asker can read that and it saves
 * something. grpc-js servers can't compress their answers, so the message says how it was done.
 */
export function pack(
  bytes: Uint8Array,
  acceptEncoding: string,
): { data: Uint8Array; encoding: string } {
  const plain = { data: bytes, encoding: "" };
  if (acceptEncoding !== gzip || bytes.byteLength <= limits.compressedBytes) return plain;
  const data = gzipSync(bytes, { level: 1 });
  return data.byteLength < bytes.byteLength ? { data, encoding: gzip } : plain;
}

/** Throws `bad-answer` for other encodings, and for bytes that become more than `bytesMax`. */
export function unpack(
  packed: { data: Uint8Array; encoding: string },
  bytesMax: number,
): Uint8Array {
  const { data, encoding } = packed;
  if (encoding !== "" && encoding !== gzip) throw bad(`are ${encoding.slice(0, 32)}`);
  if (encoding === "" && data.byteLength > bytesMax) throw bad(`are more than ${bytesMax}`);
  if (encoding === "") return data;
  try {
    return gunzipSync(data, { maxOutputLength: bytesMax });
  } catch {
    throw bad(`don't unpack to ${bytesMax} bytes or fewer`);
  }
}

export const gzip = "gzip";

function bad(what: string): PeerError {
  return new PeerError("network", "bad-answer", { message: `A transaction's bytes ${what}` });
}
