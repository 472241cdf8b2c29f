import { backoffMs } from "../base/backoff.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { Anchor, CheckedPage, Head, Outcome, Policy, Refusal } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { describeEnd, type PipelineEnd, runPipeline } from "./pipeline.ts";
import { chooseSource, type Exclusion } from "./plan.ts";
import type { PulledPage } from "./pull.ts";
import { Rate } from "./rate.ts";
import type { Subscription } from "./subscription.ts";

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
  /** Called when something an operator sees has changed. */
  onChange: () => void;
  clock: Clock;
  dice: () => number;
  log: Log;
}

export type SourceReport =
  | { kind: "good"; peerId: string }
  | { kind: "unreachable"; peerId: string; error: PeerError }
  | { kind: "refused"; peerId: string; refusal: Refusal };

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
  readonly #excluded = new Map<string, Exclusion>();
  #nap = new AbortController();
  #isWoken = false;

  constructor(private readonly options: LoopOptions) {}

  /**
   * Something changed out there: look again now instead of after the back-off, also at sources that
   * could not be reached. Those that served something false stay out.
   */
  wake(): void {
    this.#isWoken = true;
    for (const [peerId, exclusion] of this.#excluded) {
      if (exclusion.reason === "unreachable") this.#excluded.delete(peerId);
    }
    this.#nap.abort();
  }

  /** Runs until the signal aborts; then it ends once a commit under way is done. */
  async run(signal: AbortSignal): Promise<void> {
    const { subscription, clock, log } = this.options;
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const source = chooseSource(this.options.sources(), { excluded: this.#excluded, nowMs });
      if (source === null) {
        this.#fail("no-source", "No reachable peer that we may ask holds this register");
        await this.#rest(signal);
        continue;
      }
      this.view.sourcePeerId = source.peerId;
      const failuresBefore = subscription.failures;
      const end = await this.#runFrom(source, signal);
      this.view.isReceiving = false;
      if (signal.aborted) return;
      log.info({ source: source.peerId, end: end.kind, reason: describeEnd(end) }, "Source left");
      this.#judge(source, end);
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
            options.report({ kind: "good", peerId: source.peerId });
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

  #judge(source: Source, end: PipelineEnd): void {
    if (end.kind === "moved") return;
    if (end.kind === "ended") {
      this.#exclude(source.peerId, "unreachable");
      return;
    }
    if (end.kind === "failed") {
      if (isAbort(end.error)) return;
      const error = asNetworkError(end.error);
      this.options.report({ kind: "unreachable", peerId: source.peerId, error });
      this.#exclude(source.peerId, "unreachable");
      this.#fail(error.code, messageOf(error));
      return;
    }
    this.options.report({ kind: "refused", peerId: source.peerId, refusal: end.refusal });
    this.#exclude(source.peerId, "refused");
    const where = end.refusal.docketNumber === null ? "" : ` in docket ${end.refusal.docketNumber}`;
    const message = `Peer ${source.peerId} served something false${where}: ${end.refusal.message}`;
    this.#fail(end.refusal.code, message);
  }

  #exclude(peerId: string, reason: Exclusion["reason"]): void {
    const failures = (this.#excluded.get(peerId)?.failures ?? 0) + 1;
    const waitMs = backoffMs(failures - 1, { ...exclusionSteps[reason], dice: this.options.dice });
    const untilMs = this.options.clock.monotonicMs() + waitMs;
    this.#excluded.set(peerId, { reason, failures, untilMs });
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

/** A source that lied is left alone much longer than one that was only not there. */
const exclusionSteps = {
  unreachable: { firstMs: 200, longestMs: 30_000 },
  refused: { firstMs: 60_000, longestMs: 600_000 },
} as const;

function asNetworkError(error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  return new PeerError("network", "source-failed", { message: messageOf(error), cause: error });
}
