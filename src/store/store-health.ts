import { messageOf, PeerError } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";

export interface StoreHealthOptions {
  /** One question on the connections that the program uses. */
  ask: () => Promise<void>;
  /** One question, and a row written and dropped, in a new session: what a restart would find. */
  probe: (signal: AbortSignal) => Promise<void>;
  /** Gives up all connections, so that whoever waits on one is refused; new ones are made. */
  renew: () => void;
  clock: Clock;
}

/**
 * Whether this node can store. A query that fails for the database's sake says that it can't; from
 * then on a new session is tried every second, until one can be had and written in. A database that
 * hangs without a word is found by a question that stays open. Who needs it to store waits for
 * `whenWell`, so that nothing is pulled that can't be kept.
 */
export class StoreHealth {
  #trouble: PeerError | null = null;
  #sinceMs = 0;
  /** Somebody asked and got no answer in time: a new session will tell. */
  #isSuspected = false;
  /** The log knows of the trouble. */
  #isTold = false;
  #well = Promise.withResolvers<void>();
  #alarm = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #watching: Promise<void> | null = null;

  constructor(private readonly options: StoreHealthOptions) {
    this.#well.resolve();
  }

  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#alarm.resolve();
    this.#well.resolve();
    await this.#watching;
  }

  /** Why nothing can be stored now; null: nothing is known against it. */
  get trouble(): PeerError | null {
    return this.#trouble;
  }

  /**
   * A query failed in this way. Errors that say nothing about the database are left alone; once
   * there is trouble, what is tried by itself says which.
   */
  note(error: unknown): void {
    if (this.#stopping.signal.aborted || this.#watching === null || this.#trouble !== null) return;
    if (!(error instanceof PeerError) || !ailments.has(error.code)) return;
    this.#sinceMs = this.options.clock.monotonicMs();
    this.#well = Promise.withResolvers();
    this.#trouble = error;
    this.#alarm.resolve();
  }

  /** Resolves while nothing is known against it, else once it is well again, or at the end. */
  whenWell(): Promise<void> {
    return this.#well.promise;
  }

  /** Looks now. Gives what is wrong; never waits long. */
  async check(): Promise<PeerError | null> {
    if (this.#trouble !== null) return this.#trouble;
    const failure = await this.#within(limits.databaseCheckMs, this.options.ask);
    this.#isSuspected ||= failure !== null;
    if (failure !== null) this.#alarm.resolve();
    return failure;
  }

  async #watch(): Promise<void> {
    const { clock, renew } = this.options;
    const { signal } = this.#stopping;
    let overdueMs = 0;
    while (!signal.aborted) {
      if (this.#trouble === null) await this.#rest(limits.databaseLookMs);
      if (signal.aborted) return;
      if (this.#trouble === null && !this.#isSuspected) {
        const startMs = clock.monotonicMs();
        const silent = await this.#within(limits.databaseSilenceMs, this.options.ask);
        overdueMs = silent?.code === silentCode ? overdueMs + clock.monotonicMs() - startMs : 0;
        if (silent === null || signal.aborted) continue;
      }
      const failure = await this.#within(limits.databaseSilenceMs, this.options.probe);
      if (this.#isSuspected && this.#trouble === null) this.#alarm = Promise.withResolvers();
      this.#isSuspected = false;
      if (signal.aborted) return;
      if (failure !== null) {
        this.#ail(failure);
        await clock.sleep(limits.databaseProbeMs, signal).catch(() => undefined);
      } else if (this.#trouble !== null) this.#recover();
      // All connections busy for long is fine; without an end, they are dead.
      else if (overdueMs > limits.databaseDeadMs) renew();
    }
  }

  #ail(failure: PeerError): void {
    const isNews = this.#trouble?.code !== failure.code || !this.#isTold;
    this.note(failure);
    this.#trouble = failure;
    if (!isNews) return;
    this.#isTold = true;
    // What hangs on connections that may be dead is refused now.
    if (failure.code === silentCode) this.options.renew();
    const facts = { code: failure.code, reason: failure.message };
    log.error(facts, "The database can't be used: nothing is pulled until it can");
  }

  #recover(): void {
    // A session that was told to be read-only stays so for as long as it lives.
    if (this.#trouble?.code === readOnlyCode) this.options.renew();
    this.#trouble = null;
    this.#alarm = Promise.withResolvers();
    this.#well.resolve();
    if (!this.#isTold) return;
    this.#isTold = false;
    const forMs = Math.round(this.options.clock.monotonicMs() - this.#sinceMs);
    log.info({ forMs }, "The database can be used again");
  }

  /** Until somebody notes trouble, or the time is over. */
  async #rest(ms: number): Promise<void> {
    const nap = new AbortController();
    const asleep = this.options.clock.sleep(ms, nap.signal).catch(() => undefined);
    await Promise.race([asleep, this.#alarm.promise]);
    nap.abort();
  }

  /** What the work failed with, or that it did not end in time. */
  async #within(
    ms: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<PeerError | null> {
    const nap = new AbortController();
    const late = this.options.clock.sleep(ms, nap.signal).then(
      () => new PeerError("unavailable", silentCode, { message: "The database does not answer" }),
      () => null,
    );
    const giveUp = new AbortController();
    const done = work(giveUp.signal).then(
      () => null,
      (thrown) => asTrouble(thrown),
    );
    const outcome = await Promise.race([done, late]);
    nap.abort();
    giveUp.abort();
    return outcome;
  }
}

const log = logFor("store");
const silentCode = "database-silent";
const readOnlyCode = "database-read-only";

/** Codes of `pg-errors.ts` that mean: the database is there for nobody now. */
const ailments: ReadonlySet<string> = new Set([
  "database-unreachable",
  "database-full",
  "database-connections",
  readOnlyCode,
  silentCode,
  "database-refused",
  "database-missing",
  "database-forbidden",
]);

function asTrouble(thrown: unknown): PeerError {
  if (thrown instanceof PeerError && ailments.has(thrown.code)) return thrown;
  const message = `The database fails: ${messageOf(thrown)}`;
  return new PeerError("unavailable", "database-unreachable", { message, cause: thrown });
}
