import { createHash } from "node:crypto";
import { concat, hexOf } from "../base/bytes.ts";
import { limits } from "../runtime/limits.ts";
import {
  type SealingMessage,
  sealingFrameCodec,
  sealingMessageCodec,
} from "../wire/sealing-messages.ts";

/** The message as payloads of the post: one, or parts where it is larger than the post takes. */
export function framesOf(message: SealingMessage): Uint8Array[] {
  const whole = sealingMessageCodec.encode(message);
  if (whole.length <= chunkBytes) return [sealingFrameCodec.encode({ whole })];
  const digest = createHash("sha256").update(whole).digest();
  const count = Math.ceil(whole.length / chunkBytes);
  return Array.from({ length: count }, (_, index) => {
    const chunk = whole.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    return sealingFrameCodec.encode({ part: { digest, index, count, chunk } });
  });
}

/** Room for what is around a chunk. */
const chunkBytes = limits.peerMessageBytes - 1_024;
const partsMax = Math.ceil((limits.docketBytes + limits.frameBytes) / chunkBytes);

interface Assembly {
  count: number;
  chunks: Map<number, Uint8Array>;
  bytes: number;
}

/**
 * Puts parts together again, whatever their order. Bounded: the assembly that was begun longest ago
 * makes room, and its message comes again. What doesn't have its digest in the end is dropped.
 */
export class Frames {
  readonly #assemblies = new Map<string, Assembly>();
  #bytes = 0;

  /** The message that is whole with this payload; null while parts are missing. */
  read(payload: Uint8Array, from: string): SealingMessage | null {
    const { whole, part } = sealingFrameCodec.decode(payload);
    if (part === null) return sealingMessageCodec.decode(whole);
    const { digest, index, count, chunk } = part;
    if (digest.length !== 32 || count < 2 || count > partsMax || index >= count) return null;
    const key = `${from}/${hexOf(digest)}`;
    const assembly = this.#assemblies.get(key) ?? { count, chunks: new Map(), bytes: 0 };
    this.#assemblies.set(key, assembly);
    if (assembly.count !== count || assembly.chunks.has(index)) return null;
    assembly.chunks.set(index, new Uint8Array(chunk));
    assembly.bytes += chunk.length;
    this.#bytes += chunk.length;
    this.#makeRoom();
    if (assembly.chunks.size < count || !this.#assemblies.has(key)) return null;
    this.#drop(key);
    const chunks = Array.from({ length: count }, (_, at) => assembly.chunks.get(at));
    const bytes = concat(chunks.flatMap((one) => (one === undefined ? [] : [one])));
    const isTrue = createHash("sha256").update(bytes).digest().equals(digest);
    return isTrue ? sealingMessageCodec.decode(bytes) : null;
  }

  #makeRoom(): void {
    for (const key of this.#assemblies.keys()) {
      if (this.#bytes <= limits.sealingPartsBytes) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#assemblies.get(key)?.bytes ?? 0;
    this.#assemblies.delete(key);
  }
}
