import type { Anchor, CheckedPage, Head, Outcome, Policy } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Committed } from "./commit.ts";
import type { Happening, SourceReport } from "./judge.ts";
import type { Range } from "./plan.ts";
import type { PulledPage } from "./pull.ts";
import type { CheckStored } from "./stored-policy.ts";
import type { Subscription } from "./subscription.ts";

/**
 * What a register's loop needs of the rest of the program: plain functions, each with a contract.
 */
export interface LoopOptions {
  subscription: Subscription;
  genesisHash: string | null;
  /** Peers that say they hold the register, best first. */
  sources: () => Source[];
  /** Where our copy stands. */
  anchor: () => Anchor;
  /** Pages from a cursor on, the past first and then live, until the signal aborts. */
  pull: (
    source: Source,
    cursor: { nextNumber: number; latestVersion: number; signal: AbortSignal },
  ) => AsyncIterable<PulledPage>;
  /** A bounded run of dockets. */
  pullRange: (
    source: Source,
    range: Range & { bytesMax?: number; signal: AbortSignal },
  ) => AsyncIterable<PulledPage>;
  /** Verifies and stores the policy chain and the head: how a follower without the past begins. */
  start: (source: Source, signal: AbortSignal) => Promise<Outcome<Head>>;
  check: (page: PulledPage, policy: Policy | null) => Promise<Outcome<CheckedPage>>;
  /** The same for what is stored here already. */
  checkStored: CheckStored;
  /** Joins pages that follow each other, and stores them together. */
  commit: (pages: readonly CheckedPage[], sourcePeerId: string) => Promise<Committed>;
  /** Nothing of its past that is wanted is missing here. */
  isWhole: () => boolean;
  /** A full replica begins with the newest docket; its past comes afterwards (`backfill.ts`). */
  isNewestFirst: boolean;
  /** Resolves when what is pulled can be stored. */
  whenStorable: () => Promise<void>;
  /** Why nothing can be stored now; null: it can. */
  storeTrouble: () => { code: string; message: string } | null;
  /** What the source turned out to be worth. */
  report: (report: SourceReport) => void;
  /** Looks which docket of that number the peer holds; another sealed one than ours is evidence. */
  compare: (peerId: string, docketNumber: number) => void;
  /** Something an operator may want to read later: why the register stands as it does. */
  tell: (happening: Happening) => void;
  /** Called when something an operator sees has changed. */
  onChange: () => void;
  clock: Clock;
  dice: () => number;
  log: Log;
}

/** What an operator sees of a running register. */
export interface LoopView {
  sourcePeerId: string | null;
  targetNumber: number | null;
  resumedFrom: number | null;
  isReceiving: boolean;
  lastSyncAtMs: number | null;
  errorCode: string | null;
  errorMessage: string | null;
}

export function newView(): LoopView {
  return {
    sourcePeerId: null,
    targetNumber: null,
    resumedFrom: null,
    isReceiving: false,
    lastSyncAtMs: null,
    ...noError,
  };
}

/** For `Object.assign`: nothing is wrong with it any more. */
export const noError = { errorCode: null, errorMessage: null };
