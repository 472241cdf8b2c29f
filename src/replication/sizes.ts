import { limits } from "../runtime/limits.ts";

/** As much as a source gives for one question. */
const rangeBytes = 8 * limits.frameBytes;

/** How many dockets go into a range and into a catch-up's window, by the size of those seen. */
export class Sizes {
  #bytes = 0;
  #dockets = 0;

  after(page: { bytes: Uint8Array; docketCount: number }): {
    rangeMax: number;
    windowMax: number;
  } {
    this.#bytes += page.bytes.length;
    this.#dockets += page.docketCount;
    const each = Math.max(1, this.#bytes / Math.max(1, this.#dockets));
    return {
      rangeMax: Math.max(1, Math.floor(rangeBytes / each)),
      windowMax: Math.max(100, Math.floor(limits.catchUpBytes / each)),
    };
  }
}
