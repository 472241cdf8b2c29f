import { limits } from "../runtime/limits.ts";

/** As much as a source gives for one question. */
const rangeBytes = 8 * limits.frameBytes;

/** How many dockets go into a range and into a catch-up's window, by the size of those seen. */
export class Sizes {
  #bytes = 0;
  #dockets = 0;

  /**
   * Far ahead where one source holds up what others can bring; where it is the store that is slow,
   * no farther than keeps it busy. `shareBytes`: what the catch-up may hold at present.
   */
  after(
    page: { bytes: Uint8Array; docketCount: number },
    { isStoreBehind, shareBytes }: { isStoreBehind: boolean; shareBytes: number },
  ): { rangeMax: number; windowMax: number } {
    this.#bytes += page.bytes.length;
    this.#dockets += page.docketCount;
    const each = Math.max(1, this.#bytes / Math.max(1, this.#dockets));
    const windowBytes = isStoreBehind ? limits.storeAheadBytes : limits.catchUpBytes;
    return {
      rangeMax: Math.max(1, Math.floor(Math.min(rangeBytes, shareBytes / 4) / each)),
      windowMax: Math.max(1, Math.floor(Math.min(shareBytes, windowBytes) / each)),
    };
  }
}
