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
import { Leaving } from "./leaving.ts";
import {
  countQueued,
  deleteQueued,
  insertQueued,
  listQueued,
  noteAttempt,
  pageQueued,
  type QueuedRow,
  type QueuePage,
  readQueued,
  reviveQueued,
} from "./queued-table.ts";

export interface QueueOptions {
  clock: Clock;
  dice: () => number;
  log: Log;
  /** Attempts until a transaction is a dead letter. */
  maxRetries: number;
  /**
   * Resolves with the docket that holds the transaction, once it is stored. Rejecting with a
   * `conflict` is an attempt that failed; anything else is a matter of the surroundings.
   */
  seal: (built: BuiltTransaction) => Promise<number>;
}

/**
 * Transactions that were accepted and are in no docket yet, in the database: what a caller was
 * promised survives a crash. Each is tried until it is sealed. A database or a network that is away
 * costs no attempt; a transaction that validators had and did not seal, so many times, is put aside
 * as a dead letter, for an operator to try again or to drop.
 */
export class Queue {
  #count = 0;
  #deadCount = 0;
  #bytes = 0;
  #lastPlace = 0;
  #tellAgainMs = Number.NEGATIVE_INFINITY;
  readonly #stopping = new AbortController();
  /** Transactions on their way to a docket, by register and id. */
  readonly #underway = new Map<string, Promise<number>>();
  readonly #leaving = new Leaving((registerId, ids) => this.#takeOff(registerId, ids));

  constructor(private readonly options: QueueOptions) {}

  get count(): number {
    return this.#count;
  }

  get deadCount(): number {
    return this.#deadCount;
  }

  /** Counts what an earlier run left, over all registers. */
  async open(): Promise<void> {
    const { waiting, dead, bytes } = await countQueued(sql());
    this.#count = waiting;
    this.#deadCount = dead;
    this.#bytes = bytes;
  }

  /** Ends the trying; what waits stays in the database. */
  close(): void {
    this.#stopping.abort();
  }

  /** The same for a transaction that may have been accepted before: it is sealed once. */
  async acceptOnce(built: BuiltTransaction): Promise<{ sealed: Promise<number> }> {
    const { registerId, transactionId } = built.transaction;
    const underway = this.#underway.get(keyOf(built));
    if (underway !== undefined) return { sealed: underway };
    const held = await findTransaction(sql(), { registerId, transactionId });
    if (held !== null) return { sealed: Promise.resolve(held.docketNumber) };
    return this.accept(built);
  }

  /** Durable when this resolves. The result's `sealed` resolves with the docket's number. */
  async accept(built: BuiltTransaction): Promise<{ sealed: Promise<number> }> {
    const { length } = built.bytes;
    this.#checkRoom(length);
    const { registerId, transactionId } = built.transaction;
    this.#count += 1;
    this.#bytes += length;
    const nowMs = this.options.clock.nowMs();
    const place = this.#nextPlace(nowMs);
    try {
      const queued = { registerId, transactionId, data: built.bytes, place, nowMs };
      if (!(await insertQueued(sql(), queued))) throw deadLetter(transactionId);
    } catch (error) {
      this.#count -= 1;
      this.#bytes -= length;
      throw error;
    }
    return { sealed: this.#begin(built, 0) };
  }

  /**
   * Seals what a peer brought, and keeps nothing of it: who submitted it does. Once, however often
   * it is brought.
   */
  async sealOnce(built: BuiltTransaction): Promise<void> {
    if (this.#underway.has(keyOf(built))) return;
    const sealing = this.#sealGuest(built).finally(() => this.#underway.delete(keyOf(built)));
    this.#underway.set(keyOf(built), sealing);
    await sealing;
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
    for (const one of waiting) this.#begin(builtOf(one.data), one.attempts);
  }

  /** A page of what is queued, dead letters first. */
  list(page: QueuePage): Promise<QueuedRow[]> {
    return pageQueued(sql(), page);
  }

  /** A dead letter is tried again, as often as a new transaction. */
  async retry(wanted: { registerId: string; transactionId: string }): Promise<void> {
    const queued = await readQueued(sql(), wanted);
    if (queued === null) throw notQueued(wanted);
    const isRevived = queued.state === "dead" && (await reviveQueued(sql(), wanted));
    if (!isRevived) return;
    this.#count += 1;
    this.#deadCount -= 1;
    this.#begin(builtOf(queued.data), 0);
  }

  /** It is not wanted any more. Only dead letters: what waits may be in a docket any moment. */
  async drop(wanted: { registerId: string; transactionId: string }): Promise<void> {
    const queued = await readQueued(sql(), wanted);
    if (queued === null) throw notQueued(wanted);
    if (queued.state !== "dead") {
      throw new PeerError("conflict", "still-tried", {
        message: "It is still being brought to a docket; only dead letters can be dropped",
      });
    }
    await this.#takeOff(wanted.registerId, [wanted.transactionId]);
  }

  #checkRoom(bytes: number): void {
    const isFull = this.#count + this.#deadCount >= limits.queuedTransactions;
    if (!isFull && this.#bytes + bytes <= limits.queuedBytes) return;
    const mib = Math.round(this.#bytes / 2 ** 20);
    const dead = this.#deadCount === 0 ? "" : `, and ${this.#deadCount} are dead letters`;
    throw new PeerError("exhausted", "queue-full", {
      message: `There are already ${this.#count} transactions (${mib} MiB) waiting to be sealed${dead}`,
    });
  }

  #begin(built: BuiltTransaction, attempts: number): Promise<number> {
    const sealing = this.#sealUntilDone(built, attempts);
    const sealed = sealing.finally(() => this.#underway.delete(keyOf(built)));
    this.#underway.set(keyOf(built), sealed);
    sealed.catch(() => undefined);
    return sealed;
  }

  async #sealUntilDone(built: BuiltTransaction, attemptsBefore: number): Promise<number> {
    const { registerId, transactionId } = built.transaction;
    let attempts = attemptsBefore;
    for (let turn = 0; ; turn += 1) {
      try {
        const isFirst = turn === 0 && attempts === 0;
        const docketNumber = isFirst ? await this.options.seal(built) : await this.#again(built);
        await this.#leaving.leave(registerId, transactionId);
        return docketNumber;
      } catch (error) {
        if (this.#stopping.signal.aborted) throw error;
        const isAttempt = error instanceof PeerError && error.kind === "conflict";
        if (isAttempt) attempts += 1;
        const isDead = attempts >= this.options.maxRetries;
        const waitMs = backoffMs(turn, { ...patience, dice: this.options.dice });
        const facts = { registerId, transactionId, reason: messageOf(error), waitMs };
        this.#tellFailure(facts, isDead);
        if (isAttempt) await this.#noteAttempt(built, { attempts, error, waitMs, isDead });
        if (isDead) throw error;
        await this.options.clock.sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  async #sealGuest(built: BuiltTransaction): Promise<number> {
    for (let turn = 0; ; turn += 1) {
      try {
        return await this.#again(built);
      } catch (error) {
        const isFinal = error instanceof PeerError && error.kind === "conflict";
        if (this.#stopping.signal.aborted || isFinal || turn >= this.options.maxRetries)
          throw error;
        const waitMs = backoffMs(turn, { ...patience, dice: this.options.dice });
        await this.options.clock.sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  /** A failure to note it must not end the trying: it is noted with the next one. */
  async #noteAttempt(
    { transaction }: BuiltTransaction,
    failed: { attempts: number; error: unknown; waitMs: number; isDead: boolean },
  ): Promise<void> {
    const { registerId, transactionId } = transaction;
    const { attempts, isDead, error, waitMs } = failed;
    const nextAttemptMs = Math.round(this.options.clock.nowMs() + waitMs);
    const lastError = messageOf(error).slice(0, 500);
    const note = { registerId, transactionId, attempts, nextAttemptMs, lastError, isDead };
    try {
      await noteAttempt(sql(), note);
    } catch (thrown) {
      this.options.log.warn({ ...note, reason: messageOf(thrown) }, "An attempt was not noted");
    }
    if (!isDead) return;
    this.#count -= 1;
    this.#deadCount += 1;
  }

  /** What fails for one fails for thousands: a line now and then says it for all. */
  #tellFailure(facts: Record<string, unknown>, isDead: boolean): void {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs < this.#tellAgainMs) return;
    this.#tellAgainMs = nowMs + tellMs;
    const what = isDead ? "given up as dead letters" : "not sealed yet; trying again";
    this.options.log.warn({ ...facts, waiting: this.#count }, `Transactions are ${what}`);
  }

  /** The failure may have come after the commit: then the transaction is held already. */
  async #again(built: BuiltTransaction): Promise<number> {
    const { registerId, transactionId } = built.transaction;
    const found = await findTransaction(sql(), { registerId, transactionId });
    return found === null ? this.options.seal(built) : found.docketNumber;
  }

  async #takeOff(registerId: string, transactionIds: readonly string[]): Promise<void> {
    for (const { bytes, state } of await deleteQueued(sql(), { registerId, transactionIds })) {
      this.#bytes -= bytes;
      if (state === "dead") this.#deadCount -= 1;
      else this.#count -= 1;
    }
  }

  /** Ascends over restarts too: places are unix µs, moved on where two would be equal. */
  #nextPlace(nowMs: number): number {
    this.#lastPlace = Math.max(this.#lastPlace + 1, nowMs * 1000);
    return this.#lastPlace;
  }
}

const tellMs = 10_000;
const patience = { firstMs: 200, longestMs: 30_000 };

function builtOf(data: Uint8Array): BuiltTransaction {
  const decoded = decodeTransaction(data);
  assert(decoded.ok, "what was queued can be read");
  return { transaction: decoded.value, bytes: data };
}

function keyOf({ transaction }: BuiltTransaction): string {
  return `${transaction.registerId} ${transaction.transactionId}`;
}

/** All that are queued and no dead letters are under way. */
function deadLetter(transactionId: string): PeerError {
  return new PeerError("conflict", "dead-letter", {
    message: `Transaction ${transactionId} is a dead letter here; retry or drop it`,
  });
}

function notQueued(wanted: { registerId: string; transactionId: string }): PeerError {
  return new PeerError("not-found", "not-queued", {
    message: `No transaction ${wanted.transactionId} of register ${wanted.registerId} is queued here`,
  });
}
