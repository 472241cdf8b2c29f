/**
 * Owns the readers of news: whoever wants to hear of each docket as it is committed. `append.ts`
 * publishes, after the commit and in the order of the chain; gRPC streams, server-sent events and
 * the sealer follow. Never waits for a reader: one that falls too far behind is dropped and reads
 * the table instead. Holds no dockets beyond its readers' backlogs.
 */
import { assert } from "../base/assert.ts";
import { limits } from "../runtime/limits.ts";

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
  /** The bundle of each docket, in order: views of the committed page, shared and not to change. */
  bundles: Uint8Array[];
}

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

export function publish(event: HeadEvent): void {
  opened().publish(event);
}

/** Events from this moment on, until the signal aborts, the feed closes or the reader lags. */
export function follow(options: {
  registerId?: string;
  signal: AbortSignal;
  backlog?: number;
}): Follower {
  return opened().follow(options);
}

/** A reader's queue. Bounded by events and by the bytes that they keep alive. */
class Reader implements Follower {
  lagged = false;
  #events: HeadEvent[] = [];
  #bytes = 0;
  #ended = false;
  #wake = () => {};

  constructor(
    readonly registerId: string | null,
    readonly backlog: number,
  ) {}

  offer(event: HeadEvent): void {
    if (this.#ended || (this.registerId !== null && this.registerId !== event.registerId)) return;
    const bytes = bytesOf(event);
    const isFull = this.#events.length >= this.backlog;
    if (isFull || (this.#events.length > 0 && this.#bytes + bytes > limits.feedBacklogBytes)) {
      this.lagged = true;
      this.end();
      return;
    }
    this.#events.push(event);
    this.#bytes += bytes;
    this.#wake();
  }

  /** What a reader that fell behind had not read is dropped: it would find a gap behind it. */
  end(): void {
    this.#ended = true;
    if (this.lagged) this.#events = [];
    this.#wake();
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<HeadEvent, void, void> {
    try {
      for (;;) {
        const event = this.#events.shift();
        if (event !== undefined) {
          this.#bytes -= bytesOf(event);
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
  readonly #readers = new Set<Reader>();

  publish(event: HeadEvent): void {
    for (const reader of this.#readers) {
      reader.offer(event);
      if (reader.isEnded) this.#readers.delete(reader);
    }
  }

  follow(options: { registerId?: string; signal: AbortSignal; backlog?: number }): Follower {
    const reader = new Reader(options.registerId ?? null, options.backlog ?? limits.feedBacklog);
    if (options.signal.aborted) {
      reader.end();
      return reader;
    }
    this.#readers.add(reader);
    const onAbort = () => {
      reader.end();
      this.#readers.delete(reader);
    };
    options.signal.addEventListener("abort", onAbort, { once: true });
    return reader;
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

function bytesOf(event: HeadEvent): number {
  return event.bundles.reduce((sum, bundle) => sum + bundle.length, 0);
}

function opened(): Feed {
  assert(feed !== null, "the feed is open");
  return feed;
}
