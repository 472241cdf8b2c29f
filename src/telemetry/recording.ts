/**
 * What the rest of the program tells as it happens, by what happened: which numbers that moves is
 * known here alone. All are free of effect while the meter is closed, and cost less than a
 * microsecond; they are called once a page, call or event, never once a docket.
 */
import { limits } from "../runtime/limits.ts";
import { BoundedLabel } from "./label.ts";
import { instruments } from "./meter.ts";

export interface Amounts {
  dockets: number;
  transactions: number;
  bytes: number;
}

/** full: from the genesis docket on · incremental: from where the copy stood. */
export type SyncType = "full" | "incremental";

const refusalCodes = new BoundedLabel(limits.labelValues);
const reasons = new BoundedLabel(limits.labelValues);
const methods = new BoundedLabel(limits.labelValues);
const statuses = new BoundedLabel(limits.labelValues);
const ways = {
  in: { direction: "in" },
  own: { direction: "own" },
  out: { direction: "out" },
} as const;

export function heartbeatAnswered(latencyMs: number): void {
  instruments()?.heartbeatLatency.record(latencyMs);
}

/** `not-registered`, or what the call was refused for: a ban, a rate, a false identity. */
export function heartbeatRejected(reason: string): void {
  instruments()?.heartbeatRejections.add(1, { reason: reasons.of(reason) });
}

export function syncLevel(type: SyncType, seconds: number): void {
  instruments()?.syncDuration.record(seconds, { sync_type: type });
}

export function syncBrought(type: SyncType, docketCount: number): void {
  instruments()?.syncDockets.add(docketCount, { sync_type: type });
}

export function newsDelivered(): void {
  instruments()?.pushDelivered.add(1);
}

export function newsMissed(): void {
  instruments()?.pushFailed.add(1);
}

export function failedOver(reason: string): void {
  instruments()?.failovers.add(1, { reason: reasons.of(reason) });
}

/** A page is durable, or on its way to a peer. */
export function docketsMoved(way: keyof typeof ways, amounts: Amounts): void {
  const now = instruments();
  if (now === null) return;
  now.dockets.add(amounts.dockets, ways[way]);
  now.transactions.add(amounts.transactions, ways[way]);
  now.bytes.add(amounts.bytes, ways[way]);
}

export function pageVerified(ms: number): void {
  instruments()?.verifySeconds.record(ms / 1_000);
}

export function pageCommitted(ms: number): void {
  instruments()?.commitSeconds.record(ms / 1_000);
}

/**
 * Measures calls, for `wire/`: until the answer, for streams the first one. `path` is
 * `/package.Service/Method`, `status` gRPC's word for how the call ended.
 */
export function callWatcher(side: "client" | "server", monotonicMs: () => number) {
  return (path: string) => {
    const startedMs = monotonicMs();
    let answeredMs: number | null = null;
    return {
      answered: () => {
        answeredMs ??= monotonicMs();
      },
      ended: (status: string, code: string | null) => {
        const seconds = ((answeredMs ?? monotonicMs()) - startedMs) / 1_000;
        callEnded(side, { path, status, seconds });
        if (code === null) return;
        refused("caller", code);
        // At the door nobody is let in for another reason than that it is banned.
        const isHeartbeat = side === "server" && path.includes(".PeerHeartbeat/");
        if (isHeartbeat) heartbeatRejected(code === "forbidden" ? "banned" : code);
      },
    };
  };
}

function callEnded(
  side: "client" | "server",
  call: { path: string; status: string; seconds: number },
): void {
  const now = instruments();
  if (now === null) return;
  const histogram = side === "client" ? now.rpcClientSeconds : now.rpcServerSeconds;
  const labels = { method: methods.of(call.path.slice(1)), status: statuses.of(call.status) };
  histogram.record(call.seconds, labels);
}

/**
 * source: a docket or an answer of a source of ours · caller: a peer's call · ingest: dockets that
 * an operator handed in · request: a request at the operator's interface · transaction: one that
 * a peer told of.
 */
export function refused(
  what: "source" | "caller" | "ingest" | "request" | "transaction",
  code: string,
): void {
  instruments()?.refusals.add(1, { what, code: refusalCodes.of(code) });
}

export function peerBanned(reason: string): void {
  instruments()?.bans.add(1, { reason: reasons.of(reason) });
}

export function peerQuarantined(reason: string): void {
  instruments()?.quarantines.add(1, { reason: reasons.of(reason) });
}

/** A peer told of transactions that were all known here. */
export function duplicateTold(): void {
  instruments()?.gossipDuplicates.add(1);
}

/** A pending transaction came from a peer and was found true. */
export function transactionsTaken(): void {
  instruments()?.gossipTaken.add(1);
}

/** A pending transaction of a peer left without a docket: `full` or `age`. */
export function pendingEvicted(reason: string): void {
  instruments()?.pendingEvictions.add(1, { reason });
}
