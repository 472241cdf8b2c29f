import { readBundle } from "../dockets/bundle.ts";
import type { StoredBundle } from "../registers/dockets-table.ts";
import { spend } from "../replication/budgets.ts";
import { docketsMoved, newsDelivered } from "../telemetry/recording.ts";
import { beginSpan } from "../telemetry/tracer.ts";
import type { Caller } from "../wire/serve.ts";

/**
 * The same runs of dockets, counted as they are taken, and told as one span of the caller's trace:
 * it ends with docket `last`, the newest there was when it was asked. What follows is news.
 */
export async function* serving(
  runs: AsyncIterable<StoredBundle[]>,
  asked: {
    registerId: string;
    caller: Partial<Caller>;
    next: number;
    last: number;
  },
): AsyncGenerator<StoredBundle[], void, void> {
  const { registerId, caller, next, last } = asked;
  const facts = { "register.id": registerId, "peer.id": caller.peerId ?? "", from: next, to: last };
  const parent = caller.traceparent ?? null;
  const span = beginSpan("peer.sync.serve", { side: "server", parent, facts });
  if (next > last) span.end();
  try {
    for await (const bundles of runs) {
      await spendOn(bundles, asked);
      yield bundles;
      count(bundles);
      const newest = bundles.at(-1)?.number ?? -1;
      if (newest >= last) span.end();
      if (newest > last) newsDelivered();
    }
  } catch (error) {
    span.end(error);
    throw error;
  } finally {
    span.end();
  }
}

/** Waits until they may go. What filters leave out counts as well. */
function spendOn(
  bundles: readonly StoredBundle[],
  { registerId, caller }: { registerId: string; caller: Partial<Caller> },
): Promise<void> {
  const bytes = bundles.reduce((sum, { bundle }) => sum + bundle.byteLength, 0);
  return spendFor(caller, { registerId, bytes });
}

/** The peer is who proved it, else who it says it is, else its connection. */
export function spendFor(
  caller: Partial<Caller>,
  sent: { registerId: string; bytes: number },
): Promise<void> {
  const peerId = caller.provenId ?? caller.peerId ?? caller.address ?? "";
  const signal = caller.signal ?? new AbortController().signal;
  return spend({ ...sent, direction: "send", peerId, signal });
}

/** Versions tell how many transactions there are; only the last docket has to be looked into. */
function count(bundles: readonly StoredBundle[]): void {
  const [first] = bundles;
  const last = bundles.at(-1);
  if (first === undefined || last === undefined) return;
  const ofLast = readBundle(last.bundle)?.transactionData.length ?? 0;
  const before = Math.max(0, last.firstVersion - first.firstVersion);
  let bytes = 0;
  for (const { bundle } of bundles) bytes += bundle.length;
  docketsMoved("out", { dockets: bundles.length, transactions: before + ofLast, bytes });
}
