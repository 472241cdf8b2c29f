import { limits } from "../runtime/limits.ts";
import type { BuiltTransaction } from "./batch.ts";

/**
 * Transactions of one register that a validator could seal, in memory: whoever submitted one keeps
 * it durably and hands it in again until it is sealed. Bounded by count and bytes; what does not
 * fit is left to come again.
 */
export class Pool {
  readonly #waiting = new Map<string, { built: BuiltTransaction; sinceMs: number }>();
  #bytes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** When the one that waits longest came; monotonic ms. */
  get oldestMs(): number | null {
    for (const { sinceMs } of this.#waiting.values()) return sinceMs;
    return null;
  }

  has(transactionId: string): boolean {
    return this.#waiting.has(transactionId);
  }

  /** False when there is no room for it. */
  add(built: BuiltTransaction, nowMs: number): boolean {
    const { transactionId } = built.transaction;
    if (this.#waiting.has(transactionId)) return true;
    const bytes = this.#bytes + built.bytes.length;
    if (this.size >= limits.queuedTransactions || bytes > limits.poolBytes) return false;
    this.#bytes = bytes;
    this.#waiting.set(transactionId, { built, sinceMs: nowMs });
    return true;
  }

  drop(transactionIds: Iterable<string>): void {
    for (const id of transactionIds) {
      this.#bytes -= this.#waiting.get(id)?.built.bytes.length ?? 0;
      this.#waiting.delete(id);
    }
  }

  ids(): string[] {
    return [...this.#waiting.keys()];
  }

  /** The oldest ones. */
  first(count: number): BuiltTransaction[] {
    const taken: BuiltTransaction[] = [];
    for (const { built } of this.#waiting.values()) {
      if (taken.length >= count) break;
      taken.push(built);
    }
    return taken;
  }
}
