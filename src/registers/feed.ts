/**
 * Owns the readers of news: whoever wants to hear of each docket as it is committed. `append.ts`
 * publishes, after the commit and in the order of the chain; gRPC streams, server-sent events and
 * the sealer follow. News are a few words each, shared by all readers; the dockets themselves go to
 * the hot cache, once, and followers read them there at their own pace. So thousands of readers of
 * one register, or one that stands still, keep no docket alive. Never waits for a reader: one that
 * falls too far behind is dropped, and finds what it missed in the store.
 */
import { assert } from "../base/assert.ts";
import { limits } from "../runtime/limits.ts";
import type { StoredBundle } from "./dockets-table.ts";
import { hotCache } from "./hot-cache.ts";

/** A run of dockets that was committed at once. */
export interface HeadEvent {
  registerId: string;
  /** First and last docket of the run. Equal for a single docket. */
  firstNumber: number;
  number: number;
  /** Hash and time, unix ms, of the last. */
  hash: string;
  timeMs: number;
  /** Version of the run's first transaction, or of the register's next one where it has none. */
  firstVersion: number;
  transactionCount: number;
  /** One of them carries a control transaction: the policy may have changed. */
  isControl: boolean;
}

/** The news together with the dockets, in order: views of the committed page, not to change. */
export type Committed = HeadEvent & { dockets: readonly StoredBundle[] };

export interface Follower extends AsyncIterable<HeadEvent> {
  /** Whether the iteration ended because the reader fell behind. */
  readonly lagged: boolean;
}

let feed: Feed | null = null;

export function open(): void {
  assert(feed === null, "the feed is opened once");
  feed = new Feed();
}

/** Ends every follower's iteration. */
export function close(): void {
  feed?.close();
  feed = null;
}

export function publish(committed: Committed): void {
  const { dockets, ...event } = committed;
  hotCache()?.keepCommitted(event.registerId, dockets);
  opened().publish(event);
}

/**
 * Events from this moment on, until the signal aborts, the feed closes, the register is ended or
 * the reader lags.
 */
export function follow(options: {
  registerId?: string;
  signal: AbortSignal;
  backlog?: number;
}): Follower {
  return opened().follow(options);
}

/** Ends the iterations of those who follow this register: it is gone, or not to be served now. */
export function endFollowers(registerId: string): void {
  feed?.endFollowers(registerId);
}

/** News that wait for the slowest reader. */
export function deepestBacklog(): number {
  return opened().deepestBacklog();
}

/** A reader's queue. Bounded by events, which are small and shared. */
class Reader implements Follower {
  lagged = false;
  #events: HeadEvent[] = [];
  #ended = false;
  #wake = () => {};

  constructor(
    readonly registerId: string | null,
    readonly options: { backlog: number; onEnd: () => void },
  ) {}

  offer(event: HeadEvent): void {
    if (this.#ended) return;
    if (this.#events.length >= this.options.backlog) {
      this.lagged = true;
      this.end();
      return;
    }
    this.#events.push(event);
    this.#wake();
  }

  /** What a reader that fell behind had not read is dropped: it would find a gap behind it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.lagged) this.#events = [];
    this.options.onEnd();
    this.#wake();
  }

  get waitingCount(): number {
    return this.#events.length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HeadEvent, void, void> {
    try {
      for (;;) {
        const event = this.#events.shift();
        if (event !== undefined) {
          yield event;
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}

class Feed {
  /** By register; under null those that want all news. */
  readonly #readers = new Map<string | null, Set<Reader>>();

  publish(event: HeadEvent): void {
    for (const reader of this.#of(event.registerId)) reader.offer(event);
    for (const reader of this.#of(null)) reader.offer(event);
  }

  follow(options: { registerId?: string; signal: AbortSignal; backlog?: number }): Follower {
    const { signal, registerId = null, backlog = limits.feedBacklog } = options;
    const onAbort = () => reader.end();
    const onEnd = () => {
      signal.removeEventListener("abort", onAbort);
      this.#forget(reader);
    };
    const reader = new Reader(registerId, { backlog, onEnd });
    if (signal.aborted) {
      reader.end();
      return reader;
    }
    const readers = this.#readers.get(registerId) ?? new Set();
    this.#readers.set(registerId, readers.add(reader));
    signal.addEventListener("abort", onAbort, { once: true });
    return reader;
  }

  endFollowers(registerId: string): void {
    for (const reader of [...this.#of(registerId)]) reader.end();
  }

  deepestBacklog(): number {
    let deepest = 0;
    for (const readers of this.#readers.values()) {
      for (const { waitingCount } of readers) deepest = Math.max(deepest, waitingCount);
    }
    return deepest;
  }

  close(): void {
    for (const readers of [...this.#readers.values()]) {
      for (const reader of [...readers]) reader.end();
    }
  }

  #of(registerId: string | null): Iterable<Reader> {
    return this.#readers.get(registerId) ?? [];
  }

  #forget(reader: Reader): void {
    const readers = this.#readers.get(reader.registerId);
    readers?.delete(reader);
    if (readers?.size === 0) this.#readers.delete(reader.registerId);
  }
}

function opened(): Feed {
  assert(feed !== null, "the feed is open");
  return feed;
}
