import { LRUCache } from "lru-cache";
import { encodePage } from "../dockets/bundle.ts";
import type { StoredBundle } from "../registers/dockets-table.ts";
import { limits } from "../runtime/limits.ts";

/** Encodes a frame; `headNumber` is the register's newest docket. */
export function encodeFrame(bundles: readonly StoredBundle[], headNumber: number): Uint8Array {
  return encodePage({
    bundles: bundles.map((one) => one.bundle),
    headNumber,
    firstVersion: bundles[0]?.firstVersion ?? 0,
  });
}

interface Frame {
  bytes: Uint8Array;
  /** The dockets that it was made of: a register that came back may hold others. */
  first: Uint8Array | undefined;
  last: Uint8Array | undefined;
}

/**
 * Frames of the newest dockets, encoded once for all who follow them live. A frame of the past is
 * seldom asked for twice at once and is encoded for whoever asks.
 */
export class SharedFrames {
  readonly #frames = new LRUCache<string, Frame>({
    maxSize: limits.sharedFrameBytes,
    sizeCalculation: ({ bytes }) => bytes.byteLength,
  });
  /** How many frames were encoded. */
  encoded = 0;

  frameOf(registerId: string, bundles: readonly StoredBundle[], headNumber: number): Uint8Array {
    const first = bundles[0];
    const last = bundles.at(-1);
    if (first === undefined || last?.number !== headNumber)
      return this.#encode(bundles, headNumber);
    const key = `${registerId} ${first.number} ${last.number}`;
    const known = this.#frames.get(key);
    if (known?.first === first.bundle && known.last === last.bundle) return known.bytes;
    const bytes = this.#encode(bundles, headNumber);
    this.#frames.set(key, { bytes, first: first.bundle, last: last.bundle });
    return bytes;
  }

  #encode(bundles: readonly StoredBundle[], headNumber: number): Uint8Array {
    this.encoded += 1;
    return encodeFrame(bundles, headNumber);
  }
}
