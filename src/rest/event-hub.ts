import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { RestSource } from "./source.ts";

/** One thing that happened. `seq` counts within this run, `storedId` in the store. */
export interface News {
  seq: number;
  storedId: number;
  type: string;
  registerId: string | null;
  atMs: number;
  facts: Record<string, unknown>;
}

/** A reader's place, as its `Last-Event-ID` says it. */
export interface Place {
  run: string;
  seq: number;
  storedId: number;
}

type HubSource = Pick<
  RestSource,
  "followHeads" | "readEvents" | "listSubscriptions" | "listRegisters"
>;

/**
 * News of the node for any number of readers: heads as they are committed, what the store notes of
 * peers and registers, subscriptions as they change. Keeps the last ones, so that a reader that
 * comes back misses none; one that was away longer gets what the store has and the heads as they
 * are. Looks at nothing before the first reader comes. A reader that falls behind is ended.
 */
export class EventHub {
  readonly #run: string;
  readonly #stopping = new AbortController();
  readonly #readers = new Set<Reader>();
  readonly #subscriptions = new Map<string, string>();
  #kept: News[] = [];
  #seq = 0;
  #storedId = 0;
  #starting: Promise<void> | null = null;
  #looking: { stop: () => Promise<void> } | null = null;

  constructor(
    private readonly source: HubSource,
    private readonly clock: Clock,
  ) {
    this.#run = clock.nowMs().toString(36);
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** News that wait for the slowest reader. */
  get deepestBacklog(): number {
    return Math.max(0, ...[...this.#readers].map((reader) => reader.backlog));
  }

  idOf(news: News): string {
    return `${this.#run}.${news.seq}.${news.storedId}`;
  }

  /** What comes from now on, after what `place` has not seen; null: nothing for a while. */
  async *follow(options: {
    place: Place | null;
    signal: AbortSignal;
  }): AsyncGenerator<News | null> {
    this.#starting ??= this.#start();
    await this.#starting;
    const reader = new Reader(this.clock);
    const end = () => reader.end();
    if (options.signal.aborted || this.#stopping.signal.aborted) return;
    options.signal.addEventListener("abort", end, { once: true });
    this.#readers.add(reader);
    try {
      if (options.place !== null) yield* await this.#missed(options.place);
      yield* reader.news();
    } finally {
      options.signal.removeEventListener("abort", end);
      this.#readers.delete(reader);
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    for (const reader of this.#readers) reader.end();
    await this.#looking?.stop();
  }

  async #start(): Promise<void> {
    const [newest] = await this.source.readEvents({ after: 0, countMax: 1 }).catch(() => []);
    this.#storedId = newest?.eventId ?? 0;
    this.#noteSubscriptions({ isFirst: true });
    void this.#followHeads();
    this.#looking = every(limits.eventLookMs, {
      clock: this.clock,
      tick: async () => {
        if (this.#readers.size === 0) return;
        this.#noteSubscriptions({ isFirst: false });
        // A database that is away is the readiness probe's news.
        await this.#noteStored().catch(() => undefined);
      },
    });
  }

  async #followHeads(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const heads = this.source.followHeads(signal);
      for await (const head of heads) {
        const { registerId, atMs, ...facts } = head;
        this.#tell({ type: "register.head", registerId, atMs, facts });
      }
      if (!heads.lagged) return;
    }
  }

  async #noteStored(): Promise<void> {
    const events = await this.source.readEvents({
      after: this.#storedId,
      countMax: limits.keptNews,
    });
    for (const { eventId, type, registerId, peerId, atMs, message, facts } of events) {
      this.#storedId = eventId;
      this.#tell({ type, registerId, atMs, facts: { ...facts, peerId, message } });
    }
  }

  #noteSubscriptions({ isFirst }: { isFirst: boolean }): void {
    for (const subscription of this.source.listSubscriptions()) {
      const { registerId, syncState, syncProgressPercent, errorCode, pausedAt } = subscription;
      const progress = Math.floor(syncProgressPercent);
      const text = JSON.stringify([syncState, progress, errorCode, pausedAt]);
      if (this.#subscriptions.get(registerId) === text) continue;
      this.#subscriptions.set(registerId, text);
      if (isFirst) continue;
      const facts = { syncState, syncProgressPercent, errorCode, pausedAt };
      this.#tell({ type: "subscription.changed", registerId, atMs: this.clock.nowMs(), facts });
    }
  }

  #tell(news: Omit<News, "seq" | "storedId">): void {
    this.#seq += 1;
    const told = { ...news, seq: this.#seq, storedId: this.#storedId };
    this.#kept.push(told);
    if (this.#kept.length > 2 * limits.keptNews) this.#kept = this.#kept.slice(-limits.keptNews);
    for (const reader of this.#readers) reader.offer(told);
  }

  async #missed(place: Place): Promise<News[]> {
    const first = this.#kept[0]?.seq ?? this.#seq + 1;
    if (place.run === this.#run && place.seq >= first - 1) {
      return this.#kept.filter((news) => news.seq > place.seq);
    }
    const now = { seq: this.#seq, storedId: this.#storedId };
    const wanted = { after: place.storedId, countMax: limits.keptNews };
    const stored = await this.source.readEvents(wanted).catch(() => []);
    const noted = stored.map(({ type, registerId, peerId, atMs, message, facts }) => {
      return { ...now, type, registerId, atMs, facts: { ...facts, peerId, message } };
    });
    const heads = this.source.listRegisters().map((register) => ({
      ...now,
      type: "register.head",
      registerId: register.registerId,
      atMs: register.headTimeMs,
      facts: { docketNumber: register.headNumber, docketHash: register.headHash, isRepeated: true },
    }));
    return [...noted, ...heads];
  }
}

/** `run.seq.storedId`; null for anything else. */
export function readPlace(text: string | null): Place | null {
  const parts = /^([0-9a-z]{1,16})\.(\d{1,15})\.(\d{1,15})$/.exec(text ?? "");
  if (parts === null) return null;
  return { run: parts[1] ?? "", seq: Number(parts[2]), storedId: Number(parts[3]) };
}

class Reader {
  #waiting: News[] = [];
  #isEnded = false;
  #wake = () => {};

  constructor(private readonly clock: Clock) {}

  get backlog(): number {
    return this.#waiting.length;
  }

  offer(news: News): void {
    if (this.#waiting.length >= limits.keptNews) this.end();
    else this.#waiting.push(news);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Null after each while in which nothing came, so that the line is known to be open. */
  async *news(): AsyncGenerator<News | null> {
    while (!this.#isEnded) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      const nap = new AbortController();
      this.#wake = () => nap.abort();
      const isQuiet = await this.clock.sleep(limits.quietStreamMs, nap.signal).then(
        () => true,
        () => false,
      );
      if (isQuiet) yield null;
    }
  }
}
