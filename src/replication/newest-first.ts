import type { Source } from "../peers/adverts.ts";
import type { LoopOptions, LoopView } from "./loop-options.ts";
import type { Mode } from "./subscription.ts";

/**
 * Whether a register of which nothing is held begins with its newest docket: a follower's always, a
 * full replica's where that is set and the register is long. A short one is here before its past
 * could be missed.
 */
export function beginsAtHead(
  { subscription, isNewestFirst }: { subscription: { mode: Mode }; isNewestFirst: boolean },
  source: Source | undefined,
): boolean {
  if (subscription.mode === "ForwardOnly") return true;
  const isLong = source?.speaksReplication && source.advert.latestDocketVersion >= longDockets;
  return isNewestFirst && isLong === true;
}

/** Where it shall be, or only its past is still to come: nothing to hurry at the head. */
export function isAtGoal(
  { subscription, isWhole, anchor }: Pick<LoopOptions, "subscription" | "isWhole" | "anchor">,
  view: LoopView,
): boolean {
  const { nextNumber } = anchor();
  if (!isWhole() && nextNumber > (view.targetNumber ?? nextNumber)) return true;
  return subscription.state === "FullyReplicated" || subscription.state === "Active";
}

/** Says in the state how far behind the source the copy is; missing history counts as behind. */
export function settle(
  { subscription, isWhole }: Pick<LoopOptions, "subscription" | "isWhole">,
  behind: number,
): void {
  if (behind <= 0 && isWhole()) subscription.caughtUp();
  else if (subscription.mode === "FullReplica" && behind !== 1) subscription.beginSync();
}

/** From this many dockets on a full replica may begin with the newest. */
const longDockets = 100;
