import type { Anchor } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { beginsAtHead } from "./newest-first.ts";
import type { SourceMemory } from "./source-memory.ts";
import type { Mode } from "./subscription.ts";

/** From this many dockets on, ranges are worth their coordination. */
const catchUpDockets = 100;

/** Whom a register is asked of: who says they hold it, less who is left alone for a while. */
export class SourceChoice {
  /** Sources that gave dockets in the last catch-up, or showed one that others withheld. */
  readonly #proven = new Set<string>();

  constructor(private readonly options: { sources: () => Source[]; memory: SourceMemory }) {}

  /** The one to follow. */
  best(): Source | undefined {
    const free = this.options.memory.free(this.options.sources());
    return free.find(({ peerId }) => this.#proven.has(peerId)) ?? free[0];
  }

  /** Those that can be asked for ranges. */
  forRanges(): Source[] {
    const free = this.options.memory.free(this.options.sources());
    return free.filter((source) => source.speaksReplication);
  }

  /** A source that gives ranges says that much is missing, and whatever comes first is here. */
  isFarBehind(copy: {
    subscription: { mode: Mode };
    isNewestFirst: boolean;
    anchor: () => Anchor;
  }): boolean {
    const { nextNumber } = copy.anchor();
    if (nextNumber === 0 && beginsAtHead(copy, this.best())) return false;
    const isAhead = ({ advert }: Source) =>
      advert.latestDocketVersion - nextNumber >= catchUpDockets;
    return this.forRanges().some(isAhead);
  }

  /** As far as the middle one of the sources says: one that exaggerates doesn't move it. */
  claimedHead(): number {
    const heads = this.forRanges().map((source) => source.advert.latestDocketVersion);
    return heads.sort((left, right) => left - right)[Math.floor((heads.length - 1) / 2)] ?? -1;
  }

  /** What was proven before is forgotten. */
  startOver(): void {
    this.#proven.clear();
  }

  prove(peerId: string): void {
    this.#proven.add(peerId);
  }
}
