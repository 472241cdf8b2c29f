import type { Advert } from "../peers/advert.ts";
import { limits } from "../runtime/limits.ts";
import type { InFlight } from "./in-flight.ts";
import type { Bounds } from "./shares.ts";

/** A first question among several sources: answered soon even over a slow line. */
const firstBytes = 256 * 1_024;
/**
 * What a transaction and a docket's own document take, until some came. Rather too much: what is
 * larger than a question may bring is asked for once more.
 */
const expectedBytes = 2_048;
/** Dockets of so many bytes are remembered for their size: the older half is forgotten then. */
const memoryBytes = 64 * limits.frameBytes;

/** How many dockets go into a range and into a catch-up's window, by the size of those seen. */
export class Sizes {
  #bytes = 0;
  #dockets = 0;
  #expectedBytes = expectedBytes;

  /** `inFlight`: what the catch-up may hold at present. */
  constructor(private readonly inFlight: Pick<InFlight, "shareBytes">) {}

  /** What the source says of its transactions tells about how large its dockets are. */
  expect({ latestVersion, latestDocketVersion }: Advert): void {
    const perDocket = Math.max(0, latestVersion / (latestDocketVersion + 1)) || 0;
    this.#expectedBytes = expectedBytes * (1 + Math.min(perDocket, limits.docketTransactions));
  }

  came({ bytes, docketCount }: { bytes: Uint8Array; docketCount: number }): void {
    this.#bytes += bytes.length;
    this.#dockets += docketCount;
    if (this.#bytes < memoryBytes) return;
    this.#bytes /= 2;
    this.#dockets /= 2;
  }

  /**
   * Far ahead where one source holds up what others can bring; where it is the store that is slow,
   * no farther than keeps it busy. `lanes`: the questions that share it.
   */
  bounds({ isStoreBehind, lanes }: { isStoreBehind: boolean; lanes: number }): Bounds {
    const { shareBytes } = this.inFlight;
    const windowBytes = isStoreBehind ? limits.storeAheadBytes : limits.catchUpBytes;
    const laneBytes = Math.min(limits.rangeBytes, shareBytes / Math.max(4, lanes));
    const fitting = (bytes: number) => Math.max(1, Math.floor(bytes / this.#each()));
    return {
      firstCount: fitting(Math.min(firstBytes, laneBytes)),
      rangeMax: fitting(laneBytes),
      windowMax: fitting(Math.min(shareBytes, windowBytes)),
    };
  }

  /** What a question for so many dockets may bring: twice what is expected, they differ. */
  bytesMax(docketCount: number, lanes: number): number {
    const laneBytes = Math.min(limits.rangeBytes, this.inFlight.shareBytes / Math.max(1, lanes));
    return Math.ceil(Math.min(laneBytes, Math.max(2 * docketCount * this.#each(), firstBytes)));
  }

  #each(): number {
    return this.#dockets === 0 ? this.#expectedBytes : Math.max(1, this.#bytes / this.#dockets);
  }
}
