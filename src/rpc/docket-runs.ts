import { present } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { StoredBundle } from "../registers/dockets-table.ts";
import { follow } from "../registers/feed.ts";
import { registerOf } from "../registers/heads.ts";
import { readDockets } from "../registers/stored-dockets.ts";
import { sendBytesAtOnce } from "../replication/budgets.ts";
import { limits } from "../runtime/limits.ts";
import { handled } from "../runtime/memory.ts";
import { newsMissed } from "../telemetry/recording.ts";
import { refuse } from "../wire/status.ts";
import { prunedError } from "./served.ts";

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
    const read = await readDockets({
      registerId,
      next,
      countMax: Math.min(limits.frameDockets, countLeft, last - next + 1),
      bytesMax: Math.min(sendBytesAtOnce(), bytesLeft),
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
    handled(bytes);
    next = newest.number + 1;
    countLeft -= bundles.length;
    bytesLeft -= bytes;
  }
}

/**
 * Dockets from `next` on without an end: the past, then each as it is committed. Listening begins
 * before the reading, and what is read is always from `next` to the head, so nothing falls between
 * the two or comes twice. A reader that is slower than the chain grows reads the table again,
 * unless `onLag` throws. `check` throws the refusal where the register is no longer to be served.
 */
export async function* followRun(run: {
  registerId: string;
  next: number;
  signal: AbortSignal;
  check: () => void;
  onLag?: () => void;
}): AsyncGenerator<StoredBundle[], void, void> {
  const { registerId, signal } = run;
  let { next } = run;
  while (!signal.aborted) {
    const listening = childOf(signal);
    const news = follow({ registerId, signal: listening.signal });
    try {
      next = yield* readToHead({ registerId, next });
      for await (const event of news) {
        if (event.number >= next) next = yield* readToHead({ registerId, next });
      }
    } finally {
      listening.abort();
      listening.dispose();
    }
    if (news.lagged) newsMissed();
    if (news.lagged) run.onLag?.();
    else if (!signal.aborted) {
      run.check();
      throw stoppingError();
    }
  }
}

/** Returns the number of the docket after the last one. */
async function* readToHead(from: {
  registerId: string;
  next: number;
}): AsyncGenerator<StoredBundle[], number, void> {
  let { next } = from;
  const { registerId } = from;
  const last = registerOf(registerId)?.headNumber ?? -1;
  for await (const bundles of readRun({ registerId, next, last })) {
    yield bundles;
    next = present(bundles.at(-1), "a run's last docket").number + 1;
  }
  return next;
}

/** Let go of since it was asked for, or lost. */
function goneError(registerId: string, next: number): PeerError {
  const { firstNumber = 0 } = registerOf(registerId) ?? {};
  if (next < firstNumber) return prunedError(registerId, { firstNumber, next });
  return new PeerError("unavailable", "docket-gone", {
    message: `Docket ${next} of register ${registerId} is no longer held here`,
  });
}

function stoppingError(): PeerError {
  return refuse("BUSY", { message: "This node is shutting down", retryAfterMs: 1_000 });
}
