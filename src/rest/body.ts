import { textOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { jsonFault, placeOf } from "../base/json-scan.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";

/**
 * The body's text, read in bounded memory and time whether or not the sender tells its length.
 * Throws `too-large`, and `invalid` for what is slow or no text.
 */
export async function readText(request: Request, patienceMs: number): Promise<string> {
  const told = Number(request.headers.get("content-length") ?? 0);
  if (told > limits.requestBodyBytes) throw tooLarge();
  if (request.body === null) return "";
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const read = new AbortController();
  const tooSlow = systemClock.sleep(patienceMs, read.signal).then(() => {
    throw slow(patienceMs);
  });
  tooSlow.catch(() => undefined);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const part = await Promise.race([reader.read(), tooSlow]);
      if (part.done) break;
      bytes += part.value.byteLength;
      if (bytes > limits.requestBodyBytes) throw tooLarge();
      parts.push(part.value);
    }
  } catch (thrown) {
    reader.cancel().catch(() => undefined);
    throw thrown;
  } finally {
    read.abort();
  }
  const text = textOf(Buffer.concat(parts));
  if (text !== null) return text;
  throw new PeerError("invalid", "bad-utf8", { message: "The body is not well-formed UTF-8" });
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
    const place = placeOf(text, fault.offset);
    throw new PeerError("invalid", "bad-json", {
      message: `The body is not JSON: ${fault.message} at line ${place.line}, column ${place.column}`,
      facts: place,
    });
  }
}

function slow(patienceMs: number): PeerError {
  return new PeerError("invalid", "slow-request", {
    message: `The body did not come within ${patienceMs / 1_000} s`,
  });
}

function tooLarge(): PeerError {
  const maxMiB = limits.requestBodyBytes / 2 ** 20;
  return new PeerError("too-large", "body-too-large", {
    message: `The body is larger than ${maxMiB} MiB`,
    facts: { bytesMax: limits.requestBodyBytes },
  });
}
