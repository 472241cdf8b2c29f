import { LRUCache } from "lru-cache";
import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";

export interface RateSettings {
  readsPerMinute: number;
  writesPerMinute: number;
  servicePerMinute: number;
}

/** read, write: of an address · service: of a service's token · refusal: tokens that were bad. */
export type RateKind = "read" | "write" | "service" | "refusal";

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * How often anybody may ask: a bucket a caller and kind, filled evenly, a minute's worth deep.
 * Remembers a bounded number of callers; whoever is forgotten starts with a full bucket.
 */
export class Rates {
  readonly #buckets = new LRUCache<string, Bucket>({ max: limits.rateBuckets });
  readonly #perMinute: Record<RateKind, number>;

  constructor(
    settings: RateSettings,
    private readonly nowMs: () => number,
  ) {
    this.#perMinute = {
      read: settings.readsPerMinute,
      write: settings.writesPerMinute,
      service: settings.servicePerMinute,
      refusal: settings.writesPerMinute,
    };
  }

  /** The limits of the next requests; what was used up stays used up. */
  change(settings: RateSettings): void {
    const { readsPerMinute, writesPerMinute, servicePerMinute } = settings;
    this.#perMinute.read = readsPerMinute;
    this.#perMinute.write = writesPerMinute;
    this.#perMinute.refusal = writesPerMinute;
    this.#perMinute.service = servicePerMinute;
  }

  /** Counts one request. Throws `exhausted` with the time until the next one is let in. */
  take(kind: RateKind, who: string): void {
    this.check(kind, who);
    this.#bucket(kind, who).tokens -= 1;
  }

  /** The same, without counting. */
  check(kind: RateKind, who: string): void {
    const { tokens } = this.#bucket(kind, who);
    if (tokens >= 1) return;
    const perMinute = this.#perMinute[kind];
    const retryAfterMs = Math.ceil(((1 - tokens) * 60_000) / perMinute);
    throw new PeerError("exhausted", "rate-limited", {
      message: `${sentences[kind]}: ${perMinute} a minute are let in`,
      facts: { retryAfterMs },
    });
  }

  #bucket(kind: RateKind, who: string): Bucket {
    const perMinute = this.#perMinute[kind];
    const nowMs = this.nowMs();
    const key = `${kind} ${who}`;
    const bucket = this.#buckets.get(key) ?? { tokens: perMinute, atMs: nowMs };
    const elapsedMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(perMinute, bucket.tokens + (elapsedMs * perMinute) / 60_000);
    bucket.atMs = nowMs;
    this.#buckets.set(key, bucket);
    return bucket;
  }
}

const sentences: Record<RateKind, string> = {
  read: "Too many requests from this address",
  write: "Too many changes from this address",
  service: "Too many requests with this service's token",
  refusal: "Too many bad tokens from this address",
};
