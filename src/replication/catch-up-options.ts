import type { CheckedPage, Outcome, Policy } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Committed } from "./commit.ts";
import type { InFlight } from "./in-flight.ts";
import type { Range } from "./plan.ts";
import type { PulledPage } from "./pull.ts";
import type { Trouble } from "./trouble.ts";

export interface CatchUpOptions {
  /** Sources that may be asked at present; asked again and again, so that newcomers help. */
  sources: () => Source[];
  nextNumber: () => number;
  /** In force at `nextNumber`; null before the genesis docket. */
  policy: () => Policy | null;
  pullRange: (
    source: Source,
    range: Range & { bytesMax: number; signal: AbortSignal },
  ) => AsyncIterable<PulledPage>;
  check: (page: PulledPage, policy: Policy | null) => Promise<Outcome<CheckedPage>>;
  commit: (pages: readonly CheckedPage[], sourcePeerId: string) => Promise<Committed>;
  /** Called for each page once it is stored. */
  onCommitted: (checked: CheckedPage, sourcePeerId: string) => void;
  onTrouble: (source: Source, trouble: Trouble) => void;
  /** What all catch-ups of the node hold. */
  inFlight: InFlight;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * done    nobody has more, as far as the sources that are left can tell
 * moved   the register moved under the run
 * broken  this node failed: its database, a thread
 */
export type CatchUpEnd = { kind: "done" } | { kind: "moved" } | { kind: "broken"; error: unknown };
