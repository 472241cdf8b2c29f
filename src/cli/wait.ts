import { isAbort, PeerError } from "../base/error.ts";
import type { SubscriptionJson } from "../rest/schemas.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop } from "../runtime/process.ts";
import type { Client } from "./client.ts";
import { Interrupted } from "./exit.ts";
import { startProgress } from "./progress.ts";

const lookEveryMs = 200;
/** An error may pass: another source comes, a node starts again. After this long it is told. */
const patienceMs = 60_000;

/** Looks until a subscription has everything, or is stuck in an error. */
export async function waitForSubscription(
  client: Client,
  options: { status: SubscriptionJson; isQuiet: boolean },
): Promise<SubscriptionJson> {
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  const progress = startProgress({
    label: "Replicating",
    noun: "transactions",
    total: 100,
    isQuiet: options.isQuiet,
  });
  let status = options.status;
  let troubledSinceMs: number | null = null;
  try {
    while (!isComplete(status)) {
      const nowMs = systemClock.monotonicMs();
      if (status.pausedAt !== null) throw resting(status.registerId);
      troubledSinceMs = status.syncState === "Error" ? (troubledSinceMs ?? nowMs) : null;
      if (troubledSinceMs !== null && nowMs - troubledSinceMs > patienceMs) throw stuck(status);
      await systemClock.sleep(lookEveryMs, stopping.signal);
      status = await look(client, status.registerId);
      const { syncProgressPercent: percent, lastSyncedTransactionVersion: count } = status;
      progress.update(percent, count, noteOn(status));
    }
    return status;
  } catch (thrown) {
    if (!isAbort(thrown)) throw thrown;
    throw new Interrupted(
      "Interrupted: the node goes on replicating; registers subscriptions shows how far it is",
    );
  } finally {
    progress.end();
    forget();
  }
}

/** What is in the way now, or else what the speed hangs on. */
function noteOn({ errorMessage, limitingStage }: SubscriptionJson): string {
  return errorMessage ?? (limitingStage === null ? "" : `limited by ${limitingStage}`);
}

function isComplete(status: SubscriptionJson): boolean {
  const isAtGoal = status.syncState === "FullyReplicated" || status.syncState === "Active";
  return isAtGoal && status.pausedAt === null;
}

async function look(client: Client, registerId: string): Promise<SubscriptionJson> {
  const subscriptions = await client.call("listSubscriptions");
  const found = subscriptions.find((one) => one.registerId === registerId);
  if (found !== undefined) return found;
  throw new PeerError("not-found", "not-subscribed", {
    message: `The subscription to ${registerId} was ended meanwhile`,
  });
}

function resting(registerId: string): PeerError {
  return new PeerError("conflict", "paused", {
    message: `The subscription is paused; registers resume ${registerId} lets it go on`,
  });
}

function stuck(status: SubscriptionJson): PeerError {
  return new PeerError("conflict", status.errorCode ?? "subscription-error", {
    message: `The subscription is in error: ${status.errorMessage ?? "the node says no more"}; it stays and goes on trying`,
  });
}
