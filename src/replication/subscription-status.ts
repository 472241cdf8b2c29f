import { anchorOf, registerOf } from "../registers/heads.ts";
import type { Retention, SubscriptionRow } from "../registers/subscriptions-table.ts";
import { isWaiting } from "./budgets.ts";
import type { RegisterLoop } from "./register-loop.ts";
import { keepsAll } from "./retention.ts";
import type { LimitingStage } from "./stages.ts";
import type { Mode, Subscription, SubscriptionState } from "./subscription.ts";

export interface SubscriptionStatus {
  registerId: string;
  mode: Mode;
  syncState: SubscriptionState;
  /** Number of the newest docket stored; null before the first. */
  lastSyncedDocketVersion: number | null;
  lastSyncedTransactionVersion: number;
  /** As far as the sources say: newest number + 1. */
  totalDocketsInChain: number;
  syncProgressPercent: number;
  canParticipateInValidation: boolean;
  isReceiving: boolean;
  lastSyncAt: string | null;
  consecutiveFailures: number;
  errorCode: string | null;
  errorMessage: string | null;
  sourcePeerId: string | null;
  /** Docket number at which the current run took up. */
  resumedFrom: number | null;
  docketsPerSecond: number;
  transactionsPerSecond: number;
  verification: "sealed" | "chain" | null;
  /** What the speed hangs on; null while there is nothing to bring. */
  limitingStage: LimitingStage | null;
  /** Since when an operator lets it rest; null: it runs. */
  pausedAt: string | null;
  /** What is kept of the past; null: everything. */
  retention: Retention | null;
}

/** A subscription that is held here, with the loop that runs for it unless it is paused. */
export interface Running {
  subscription: Subscription;
  genesisHash: string | null;
  createdAtMs: number;
  retention: Retention | null;
  loop: RegisterLoop;
  /** Brings the past of a full replica; null: none is wanted. */
  backfill: { wake: () => void } | null;
  stopping: AbortController;
  ended: Promise<unknown>;
  savedState: SubscriptionState;
  pausedAtMs: number | null;
  /** The newest docket whose seal a peer has shown. */
  shown: { number: number; peerId: string; isProven: true } | null;
}

/** What a subscription is taken up from. */
export type StartingRow = Pick<
  SubscriptionRow,
  "mode" | "state" | "genesisHash" | "createdAtMs" | "pausedAtMs" | keyof Retention
>;

/** From which a running subscription would be taken up again. */
export function rowOf(one: Running): StartingRow {
  const { subscription, genesisHash, createdAtMs, pausedAtMs, retention } = one;
  const { mode, state } = subscription;
  return { mode, state, genesisHash, createdAtMs, pausedAtMs, ...(retention ?? keepsAll) };
}

export function statusOf(
  registerId: string,
  options: { one: Running; monotonicMs: number },
): SubscriptionStatus {
  const { one, monotonicMs } = options;
  const { view, rate } = one.loop;
  const anchor = anchorOf(registerId);
  const register = registerOf(registerId);
  const headNumber = anchor === null ? null : anchor.nextNumber - 1;
  const total = Math.max((view.targetNumber ?? -1) + 1, anchor?.nextNumber ?? 0);
  const perSecond = rate.perSecond(monotonicMs);
  const missing = one.backfill === null ? 0 : (register?.firstNumber ?? 0);
  const done = (anchor?.nextNumber ?? 0) - missing;
  return {
    registerId,
    mode: one.subscription.mode,
    syncState: one.subscription.state,
    lastSyncedDocketVersion: headNumber,
    lastSyncedTransactionVersion: register?.latestVersion ?? 0,
    totalDocketsInChain: total,
    syncProgressPercent: percentOf(done, { total, state: one.subscription.state }),
    canParticipateInValidation: one.subscription.state === "FullyReplicated",
    isReceiving: view.isReceiving,
    lastSyncAt: isoOf(view.lastSyncAtMs),
    consecutiveFailures: one.subscription.failures,
    errorCode: view.errorCode,
    errorMessage: view.errorMessage,
    sourcePeerId: view.sourcePeerId,
    resumedFrom: view.resumedFrom,
    docketsPerSecond: perSecond.dockets,
    transactionsPerSecond: perSecond.transactions,
    verification: register?.verification ?? null,
    limitingStage: total > done && one.pausedAtMs === null ? limitingStage(registerId, one) : null,
    pausedAt: isoOf(one.pausedAtMs),
    retention: one.retention,
  };
}

/** 100 is for who is at the goal: else something is missing, if only a source that says what. */
function percentOf(done: number, of: { total: number; state: SubscriptionState }): number {
  const percent = of.total === 0 ? 0 : Math.floor((done * 1000) / of.total) / 10;
  const isAtGoal = of.state === "FullyReplicated" || of.state === "Active";
  return isAtGoal ? percent : Math.min(percent, 99.9);
}

function limitingStage(registerId: string, { loop }: Running): LimitingStage {
  const stage = loop.stages.limiting();
  return stage === "source" && isWaiting(registerId) ? "budget" : stage;
}

function isoOf(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
