import { backoffMs } from "../base/backoff.ts";
import { isAbort, messageOf } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { Anchor, CheckedPage, Head, Outcome, Policy } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { type Happening, Judge, type SourceReport } from "./judge.ts";
import { describeEnd, type PipelineEnd, runPipeline } from "./pipeline.ts";
import type { PulledPage } from "./pull.ts";
import { Rate } from "./rate.ts";
import { SourceMemory } from "./source-memory.ts";
import type { Subscription } from "./subscription.ts";
import { codeOf, sentenceOf, type Trouble, troubleOf } from "./trouble.ts";

/** What a register's loop needs of the rest of the program: plain functions, each with a contract. */
export interface LoopOptions {
  subscription: Subscription;
  genesisHash: string | null;
  /** Peers that say they hold the register, best first. */
  sources: () => Source[];
  /** Where our copy stands. */
  anchor: () => Anchor;
  /** Pages from a cursor on, the past first and then live, until the signal aborts. */
  pull: (
    source: Source,
    cursor: { nextNumber: number; latestVersion: number; signal: AbortSignal },
  ) => AsyncIterable<PulledPage>;
  /** Verifies and stores the policy chain and the head: how a follower without the past begins. */
  start: (source: Source, signal: AbortSignal) => Promise<Outcome<Head>>;
  check: (page: PulledPage, policy: Policy | null) => Promise<Outcome<CheckedPage>>;
  commit: (checked: CheckedPage, sourcePeerId: string) => Promise<Outcome<Head> | "moved">;
  /** What the source turned out to be worth. */
  report: (report: SourceReport) => void;
  /** Something an operator may want to read later: why the register stands as it does. */
  tell: (happening: Happening) => void;
  /** Called when something an operator sees has changed. */
  onChange: () => void;
  clock: Clock;
  dice: () => number;
  log: Log;
}

/** What an operator sees of a running register. */
export interface LoopView {
  sourcePeerId: string | null;
  targetNumber: number | null;
  resumedFrom: number | null;
  isReceiving: boolean;
  lastSyncAtMs: number | null;
  errorCode: string | null;
  errorMessage: string | null;
}

/**
 * Brings one register here and keeps it so: picks a source, runs the pipeline over what it sends,
 * and when that ends, for whatever reason, picks again. It owns the subscription's state and the
 * memory of which source failed; it decides nothing about what is true, and never writes.
 */
export class RegisterLoop {
  readonly rate = new Rate();
  readonly view: LoopView = {
    sourcePeerId: null,
    targetNumber: null,
    resumedFrom: null,
    isReceiving: false,
    lastSyncAtMs: null,
    errorCode: null,
    errorMessage: null,
  };
  readonly #memory: SourceMemory;
  readonly #judge: Judge;
  #nap = new AbortController();
  #isWoken = false;

  constructor(private readonly options: LoopOptions) {
    const { clock, dice } = options;
    this.#memory = new SourceMemory({ monotonicMs: () => clock.monotonicMs(), dice });
    this.#judge = new Judge({ ...options, memory: this.#memory });
  }

  /**
   * Something changed out there: look again now instead of after the back-off, also at sources that
   * could not be reached. Those that served something false stay out.
   */
  wake(): void {
    this.#isWoken = true;
    this.#memory.forgive();
    this.#nap.abort();
  }

  /** Runs until the signal aborts; then it ends once a commit under way is done. */
  async run(signal: AbortSignal): Promise<void> {
    const { subscription, log } = this.options;
    while (!signal.aborted) {
      const source = this.#memory.free(this.options.sources())[0];
      if (source === undefined) {
        this.#failForWantOfSources();
        await this.#rest(signal);
        continue;
      }
      this.view.sourcePeerId = source.peerId;
      const failuresBefore = subscription.failures;
      const end = await this.#runFrom(source, signal);
      this.view.isReceiving = false;
      if (signal.aborted) return;
      log.info({ source: source.peerId, end: end.kind, reason: describeEnd(end) }, "Source left");
      this.view.targetNumber = this.options.anchor().nextNumber - 1;
      this.#noteEnd(source, end);
      const hasProgressed = subscription.failures < failuresBefore;
      if (end.kind !== "moved" && !hasProgressed) await this.#rest(signal);
    }
  }

  async #runFrom(source: Source, signal: AbortSignal): Promise<PipelineEnd> {
    const { subscription, log } = this.options;
    const stopping = childOf(signal);
    try {
      if (subscription.mode === "ForwardOnly" && this.options.anchor().nextNumber === 0) {
        const started = await this.options.start(source, stopping.signal);
        if (!started.ok) return { kind: "refused", refusal: started.refusal };
        this.#committed(started.value, { dockets: 1, transactions: 0, bytes: 0 });
      }
      const anchor = this.options.anchor();
      this.view.resumedFrom = anchor.nextNumber;
      this.view.isReceiving = true;
      log.info({ source: source.peerId, nextDocket: anchor.nextNumber }, "Pulling from here on");
      return await this.#runPages(source, { anchor, stopping });
    } catch (error) {
      return { kind: "failed", error };
    } finally {
      stopping.abort();
      stopping.dispose();
    }
  }

  #runPages(
    source: Source,
    run: { anchor: Anchor; stopping: AbortController },
  ): Promise<PipelineEnd> {
    const { options } = this;
    let amounts = { dockets: 0, transactions: 0, bytes: 0 };
    const pages = options.pull(source, {
      nextNumber: run.anchor.nextNumber,
      latestVersion: 0,
      signal: run.stopping.signal,
    });
    return runPipeline(pages, {
      policy: run.anchor.policy,
      capacity: limits.pagesInFlight,
      stop: () => run.stopping.abort(),
      stations: {
        check: options.check,
        commit: (checked, sourcePeerId) => {
          amounts = {
            dockets: checked.dockets.length,
            transactions: checked.transactions.count,
            bytes: checked.bytes.length,
          };
          return this.#commitUnderPolicy(checked, sourcePeerId);
        },
        onPage: ({ head, sourceHeadNumber }) => {
          if (head !== null) {
            this.#committed(head, amounts);
            this.#judge.stored(head.number, source.peerId);
          }
          this.#place(sourceHeadNumber);
        },
      },
    });
  }

  /** A page checked under an older policy than the one in force is checked again, not refused. */
  async #commitUnderPolicy(
    checked: CheckedPage,
    sourcePeerId: string,
  ): Promise<Outcome<Head> | "moved"> {
    const first = await this.options.commit(checked, sourcePeerId);
    const anchor = this.options.anchor();
    const firstNumber = checked.dockets[0]?.number;
    if (first !== "moved" || firstNumber !== anchor.nextNumber) return first;
    const again = await this.options.check(
      {
        registerId: checked.registerId,
        bytes: checked.bytes,
        nextNumber: anchor.nextNumber,
        docketCount: checked.dockets.length,
        sourceHeadNumber: -1,
        sourcePeerId,
      },
      anchor.policy,
    );
    return again.ok ? await this.options.commit(again.value, sourcePeerId) : again;
  }

  #committed(head: Head, amounts: { dockets: number; transactions: number; bytes: number }): void {
    this.rate.add(amounts, this.options.clock.monotonicMs());
    this.options.subscription.progressed();
    this.view.lastSyncAtMs = this.options.clock.nowMs();
    this.view.targetNumber = Math.max(this.view.targetNumber ?? 0, head.number);
    this.view.errorCode = null;
    this.view.errorMessage = null;
  }

  /** Behind the source or level with it: says so in the subscription's state. */
  #place(sourceHeadNumber: number): void {
    const { subscription } = this.options;
    this.view.targetNumber = Math.max(this.view.targetNumber ?? 0, sourceHeadNumber);
    const behind = sourceHeadNumber - (this.options.anchor().nextNumber - 1);
    if (behind <= 0) {
      this.view.errorCode = null;
      this.view.errorMessage = null;
      subscription.caughtUp();
    } else if (subscription.mode === "FullReplica" && behind > 1) {
      subscription.beginSync();
    }
    this.options.onChange();
  }

  #noteEnd(source: Source, end: PipelineEnd): void {
    switch (end.kind) {
      case "moved":
        return;
      case "ended":
        this.#memory.exclude(source.peerId, "unreachable");
        return;
      case "broken":
        if (!isAbort(end.error)) this.#fail("store-failed", messageOf(end.error));
        return;
      case "failed":
        if (!isAbort(end.error)) this.#trouble(source.peerId, troubleOf(end.error));
        return;
      case "refused":
        this.#trouble(source.peerId, { kind: "false", refusal: end.refusal });
        return;
    }
  }

  #trouble(peerId: string, trouble: Trouble): void {
    this.#judge.trouble(peerId, trouble);
    this.#fail(codeOf(trouble), sentenceOf(trouble, peerId));
  }

  /** Why there is no source is told by what happened to the last one. */
  #failForWantOfSources(): void {
    const message = "No reachable peer that we may ask holds this register";
    const { errorCode, errorMessage } = this.view;
    this.#fail(errorCode ?? "no-source", errorMessage ?? message);
  }

  #fail(code: string, message: string): void {
    this.view.errorCode = code;
    this.view.errorMessage = message;
    const isNowError = this.options.subscription.failed();
    if (isNowError)
      this.options.log.warn({ code }, "Too many failures in a row; trying more slowly");
    this.options.onChange();
  }

  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return;
    }
    this.#nap = new AbortController();
    const nap = childOf(signal);
    const onWake = () => nap.abort();
    this.#nap.signal.addEventListener("abort", onWake, { once: true });
    const isError = this.options.subscription.state === "Error";
    const waitMs = backoffMs(this.options.subscription.failures, {
      firstMs: 100,
      longestMs: isError ? 60_000 : 10_000,
      dice: this.options.dice,
    });
    await this.options.clock.sleep(waitMs, nap.signal).catch(() => undefined);
    nap.dispose();
    this.#isWoken = false;
  }
}
