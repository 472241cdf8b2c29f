import { present } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { readBundle } from "../dockets/bundle.ts";
import { readBundles, type StoredBundle } from "../registers/dockets-table.ts";
import { follow, type HeadEvent } from "../registers/feed.ts";
import { registerOf } from "../registers/heads.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import { refuse } from "../wire/status.ts";

export interface StoredRun {
  registerId: string;
  /** First and last docket, both included. */
  next: number;
  last: number;
  /** Of the whole run; left out or 0: no bound. */
  countMax?: number;
  /** The first docket comes even when it alone is larger. */
  bytesMax?: number;
  headersOnly?: boolean;
  controlOnly?: boolean;
}

/**
 * Stored dockets, at most a frame's worth at a time, each read when it is asked for. A docket that
 * should be there and isn't is an error: an early end would look like the end of the chain.
 */
export async function* readRun(run: StoredRun): AsyncGenerator<StoredBundle[], void, void> {
  const { registerId, last, headersOnly = false, controlOnly = false } = run;
  let countLeft = run.countMax || Number.POSITIVE_INFINITY;
  let bytesLeft = run.bytesMax || Number.POSITIVE_INFINITY;
  for (let next = run.next; next <= last && countLeft > 0 && bytesLeft > 0; ) {
    const read = await readBundles(sql(), {
      registerId,
      next,
      countMax: Math.min(limits.frameDockets, countLeft, last - next + 1),
      bytesMax: Math.min(limits.frameBytes, bytesLeft),
      headersOnly,
      controlOnly,
    });
    const bundles = read.filter((one) => one.number <= last);
    const newest = bundles.at(-1);
    if (newest === undefined && controlOnly) return;
    if (newest === undefined) throw goneError(registerId, next);
    const bytes = bundles.reduce((sum, one) => sum + one.bundle.byteLength, 0);
    if (bytes > bytesLeft && next > run.next) return;
    yield bundles;
    next = newest.number + 1;
    countLeft -= bundles.length;
    bytesLeft -= bytes;
  }
}

/**
 * Dockets from `next` on without an end: the past from the table, then each as it is committed.
 * Listening begins before the reading, and what comes twice is dropped by its number, so nothing
 * falls between the two. A reader that is slower than the chain grows reads the table again,
 * unless `onLag` throws.
 */
export async function* followRun(run: {
  registerId: string;
  next: number;
  signal: AbortSignal;
  onLag?: () => void;
}): AsyncGenerator<StoredBundle[], void, void> {
  const { registerId, signal } = run;
  let next = run.next;
  while (!signal.aborted) {
    const follower = follow({ registerId, signal });
    const last = registerOf(registerId)?.headNumber ?? -1;
    for await (const bundles of readRun({ registerId, next, last })) {
      yield bundles;
      next = present(bundles.at(-1), "a run's last docket").number + 1;
    }
    let isGap = false;
    for await (const event of follower) {
      if (event.number < next) continue;
      isGap = event.firstNumber > next;
      if (isGap) break;
      for (const bundles of framesOf(event, next)) yield bundles;
      next = event.number + 1;
    }
    if (follower.lagged) run.onLag?.();
    else if (!isGap && !signal.aborted) throw stoppingError();
  }
}

/** An event's dockets from `next` on, in portions of a frame. */
function* framesOf(event: HeadEvent, next: number): Iterable<StoredBundle[]> {
  let frame: StoredBundle[] = [];
  let bytes = 0;
  let firstVersion = event.firstVersion;
  for (const [index, bundle] of event.bundles.entries()) {
    const number = event.firstNumber + index;
    if (number >= next) {
      const isFull = bytes + bundle.byteLength > limits.frameBytes;
      if (frame.length > 0 && (isFull || frame.length >= limits.frameDockets)) {
        yield frame;
        frame = [];
        bytes = 0;
      }
      frame.push({ number, bundle, firstVersion });
      bytes += bundle.byteLength;
    }
    if (event.bundles.length > 1 && firstVersion > 0) firstVersion += countOf(bundle);
  }
  if (frame.length > 0) yield frame;
}

function countOf(bundle: Uint8Array): number {
  return present(readBundle(bundle), "a committed bundle").transactionData.length;
}

function goneError(registerId: string, next: number): PeerError {
  return new PeerError("unavailable", "docket-gone", {
    message: `Docket ${next} of register ${registerId} is no longer held here`,
  });
}

function stoppingError(): PeerError {
  return refuse("BUSY", { message: "This node is shutting down", retryAfterMs: 1_000 });
}
