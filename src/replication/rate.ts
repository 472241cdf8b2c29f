import type { CheckedPage } from "../dockets/types.ts";

export interface Amounts {
  dockets: number;
  transactions: number;
  bytes: number;
}

/**
 * How fast a register comes in, a second, over about the last ten seconds. A value; monotonic ms
 * are passed in. Amounts are kept in half-second buckets, so that a busy register costs no more
 * than an idle one.
 */
export class Rate {
  #buckets: (Amounts & { atMs: number })[] = [];

  add(amounts: Amounts, nowMs: number): void {
    const atMs = Math.floor(nowMs / bucketMs) * bucketMs;
    let bucket = this.#buckets.at(-1);
    if (bucket === undefined || bucket.atMs !== atMs) {
      bucket = { atMs, dockets: 0, transactions: 0, bytes: 0 };
      this.#buckets.push(bucket);
    }
    bucket.dockets += amounts.dockets;
    bucket.transactions += amounts.transactions;
    bucket.bytes += amounts.bytes;
    this.#forget(nowMs);
  }

  perSecond(nowMs: number): Amounts {
    this.#forget(nowMs);
    const startMs = this.#buckets[0]?.atMs ?? nowMs;
    const seconds = Math.max(1, (nowMs - startMs) / 1000);
    const rate = (of: (bucket: Amounts) => number) =>
      Math.round(this.#buckets.reduce((sum, bucket) => sum + of(bucket), 0) / seconds);
    return {
      dockets: rate((bucket) => bucket.dockets),
      transactions: rate((bucket) => bucket.transactions),
      bytes: rate((bucket) => bucket.bytes),
    };
  }

  #forget(nowMs: number): void {
    while ((this.#buckets[0]?.atMs ?? nowMs) < nowMs - windowMs) this.#buckets.shift();
  }
}

const bucketMs = 500;
const windowMs = 10_000;

/** What a page brings. */
export function amountsOf(checked: CheckedPage): Amounts {
  return {
    dockets: checked.dockets.length,
    transactions: checked.transactions.count,
    bytes: checked.bytes.length,
  };
}
