import { assert } from "../base/assert.ts";
import { backoffMs } from "../base/backoff.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { decodeTransaction } from "../dockets/decode.ts";
import { findTransaction, whichExist } from "../registers/transactions-table.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { BuiltTransaction } from "./batch.ts";
import { countQueued, deleteQueued, insertQueued, listQueued } from "./queued-table.ts";

export interface QueueOptions {
  clock: Clock;
  dice: () => number;
  log: Log;
  /** Resolves with the docket that holds the transaction, once it is stored. */
  seal: (built: BuiltTransaction) => Promise<number>;
}

/**
 * Transactions that were accepted and are in no docket yet, in the database: what a caller was
 * promised survives a crash. Each is tried until it is sealed; a failure is a matter of the
 * database, never of the transaction, which was built and checked here.
 */
export class Queue {
  #count = 0;
  #lastPlace = 0;
  #tellAgainMs = Number.NEGATIVE_INFINITY;
  readonly #stopping = new AbortController();
  /** Transactions on their way to a docket, by id. */
  readonly #underway = new Map<string, Promise<number>>();

  constructor(private readonly options: QueueOptions) {}

  get count(): number {
    return this.#count;
  }

  /** Counts what an earlier run left, over all registers. */
  async open(): Promise<void> {
    this.#count = await countQueued(sql());
  }

  /** Ends the trying; what waits stays in the database. */
  close(): void {
    this.#stopping.abort();
  }

  /** The same for a transaction that may have been accepted before: it is sealed once. */
  async acceptOnce(built: BuiltTransaction): Promise<{ sealed: Promise<number> }> {
    const { registerId, transactionId } = built.transaction;
    const underway = this.#underway.get(transactionId);
    if (underway !== undefined) return { sealed: underway };
    const held = await findTransaction(sql(), { registerId, transactionId });
    if (held !== null) return { sealed: Promise.resolve(held.docketNumber) };
    return this.accept(built);
  }

  /** Durable when this resolves. The result's `sealed` resolves with the docket's number. */
  async accept(built: BuiltTransaction): Promise<{ sealed: Promise<number> }> {
    if (this.#count >= limits.queuedTransactions) {
      throw new PeerError("exhausted", "queue-full", {
        message: `There are already ${this.#count} transactions waiting to be sealed`,
      });
    }
    const { registerId, transactionId } = built.transaction;
    this.#count += 1;
    const nowMs = this.options.clock.nowMs();
    const place = this.#nextPlace(nowMs);
    try {
      await insertQueued(sql(), { registerId, transactionId, data: built.bytes, place, nowMs });
    } catch (error) {
      this.#count -= 1;
      throw error;
    }
    return { sealed: this.#begin(built) };
  }

  /**
   * Takes up what an earlier run accepted. What it had sealed before it ended is only taken off.
   */
  async resume(registerId: string): Promise<void> {
    const queued = await listQueued(sql(), registerId);
    if (queued.length === 0) return;
    const held = await whichExist(sql(), {
      registerId,
      transactionIds: queued.map((one) => one.transactionId),
    });
    await this.#takeOff(registerId, [...held]);
    const waiting = queued.filter((one) => !held.has(one.transactionId));
    const facts = { registerId, waiting: waiting.length, sealed: held.size };
    this.options.log.info(facts, "Queue taken up again");
    for (const one of waiting) {
      const decoded = decodeTransaction(one.data);
      assert(decoded.ok, "what was queued can be read");
      const built = { transaction: decoded.value, bytes: one.data };
      this.#begin(built);
    }
  }

  #begin(built: BuiltTransaction): Promise<number> {
    const { transactionId } = built.transaction;
    const sealed = this.#sealUntilDone(built).finally(() => this.#underway.delete(transactionId));
    this.#underway.set(transactionId, sealed);
    sealed.catch(() => undefined);
    return sealed;
  }

  async #sealUntilDone(built: BuiltTransaction): Promise<number> {
    const { registerId, transactionId } = built.transaction;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const docketNumber =
          attempt === 0 ? await this.options.seal(built) : await this.#again(built);
        await this.#takeOff(registerId, [transactionId]);
        return docketNumber;
      } catch (error) {
        if (this.#stopping.signal.aborted) throw error;
        const waitMs = backoffMs(attempt, { ...patience, dice: this.options.dice });
        this.#tellFailure({ registerId, transactionId, reason: messageOf(error), waitMs });
        await this.options.clock.sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  /** What fails for one fails for thousands: a line now and then says it for all. */
  #tellFailure(facts: Record<string, unknown>): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs < this.#tellAgainMs) return;
    this.#tellAgainMs = nowMs + tellMs;
    const waiting = this.#count;
    this.options.log.warn({ ...facts, waiting }, "Transactions are not sealed yet; trying again");
  }

  /** The failure may have come after the commit: then the transaction is held already. */
  async #again(built: BuiltTransaction): Promise<number> {
    const { registerId, transactionId } = built.transaction;
    const found = await findTransaction(sql(), { registerId, transactionId });
    return found === null ? this.options.seal(built) : found.docketNumber;
  }

  async #takeOff(registerId: string, transactionIds: readonly string[]): Promise<void> {
    await deleteQueued(sql(), { registerId, transactionIds });
    this.#count -= transactionIds.length;
  }

  /** Ascends over restarts too: places are unix µs, moved on where two would be equal. */
  #nextPlace(nowMs: number): number {
    this.#lastPlace = Math.max(this.#lastPlace + 1, nowMs * 1000);
    return this.#lastPlace;
  }
}

const tellMs = 10_000;
const patience = { firstMs: 200, longestMs: 30_000 };
