import { backoffMs } from "../base/backoff.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { Anchor, CheckedPage } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import { CatchUp } from "./catch-up.ts";
import { commitUnderPolicy } from "./commit-under-policy.ts";
import { Following } from "./following.ts";
import { inFlight } from "./in-flight.ts";
import { Judge } from "./judge.ts";
import { type LoopOptions, type LoopView, newView, noError } from "./loop-options.ts";
import { Nap } from "./nap.ts";
import { beginsAtHead, isAtGoal, settle } from "./newest-first.ts";
import { describeEnd, type PipelineEnd, runPipeline } from "./pipeline.ts";
import { type Amounts, amountsOf, Rate } from "./rate.ts";
import { SourceChoice } from "./source-choice.ts";
import { SourceMemory } from "./source-memory.ts";
import { Stages } from "./stages.ts";
import { untilStorable } from "./storable.ts";
import type { Supervised } from "./supervisor.ts";
import { SyncWatch } from "./sync-watch.ts";
import { codeOf, sentenceOf, type Trouble, troubleOfEnd } from "./trouble.ts";

/**
 * Brings one register here and keeps it so: picks a source, runs the pipeline over what it sends,
 * and when that ends, for whatever reason, picks again. It owns the subscription's state and the
 * memory of which source failed; it decides nothing about what is true, and never writes.
 */
export class RegisterLoop {
  readonly rate = new Rate();
  readonly view: LoopView = newView();
  readonly stages: Stages;
  readonly #memory: SourceMemory;
  readonly #judge: Judge;
  readonly #choice: SourceChoice;
  readonly #nap = new Nap();
  readonly #commit: LoopOptions["commit"];
  readonly #watch: SyncWatch;
  #following: Following | null = null;
  #movedMs = 0;
  #stopped = false;
  #startedMs = 0;
  /** The newest docket whose seal a peer has shown. */
  #shownNumber = -1;
  #run = new AbortController();

  constructor(private readonly options: LoopOptions) {
    const { clock, dice } = options;
    this.#memory = new SourceMemory({ monotonicMs: () => clock.monotonicMs(), dice });
    this.#choice = new SourceChoice({ sources: options.sources, memory: this.#memory });
    this.stages = new Stages(clock);
    this.#commit = this.stages.committing(commitUnderPolicy(options));
    this.#judge = new Judge({ ...options, memory: this.#memory });
    this.#watch = new SyncWatch({ registerId: options.subscription.registerId, clock });
  }

  /** Something changed: look again now, also at sources that failed, but at none that lied. */
  wake(): void {
    this.#memory.forgive();
    this.#nap.wake();
  }

  /** Nothing more is taken in, until somebody subscribes anew. */
  stop(why: { code: string; message: string }): void {
    this.#stopped = true;
    Object.assign(this.view, { errorCode: why.code, errorMessage: why.message });
    this.options.subscription.stopped();
    this.#run.abort();
    this.#nap.wake();
    this.options.onChange();
  }

  /**
   * A peer showed the sealed docket `number`. When it does not come from the source that we follow
   * within a moment, that source withholds it, and the peer that showed it is asked instead.
   */
  heardHead(number: number, peerId: string): void {
    this.#shownNumber = Math.max(this.#shownNumber, number);
    this.view.targetNumber = Math.max(this.view.targetNumber ?? 0, number);
    this.options.onChange();
    const { clock, anchor } = this.options;
    const nextNumber = () => anchor().nextNumber;
    this.#following
      ?.expect({ number, peerId }, { clock, nextNumber, movedMs: () => this.#movedMs })
      .then((isLeft) => {
        if (!isLeft) return;
        this.#choice.startOver();
        this.#choice.prove(peerId);
      });
  }

  look(): Supervised {
    const { nextNumber } = this.options.anchor();
    const isHeldUp = this.#stopped || this.options.storeTrouble() !== null;
    const isBehind =
      !isHeldUp && (!isAtGoal(this.options, this.view) || this.#shownNumber >= nextNumber);
    return { ...this.view, nextNumber, isBehind, startedMs: this.#startedMs };
  }

  /** Leaves the source that is pulled from and asks again; of another one where it shall rest. */
  askAgain(options: { restMs: number }): void {
    const source = this.#following?.source;
    if (source === undefined) this.wake();
    else if (options.restMs > 0) this.#memory.exclude(source.peerId, "unreachable", options.restMs);
    this.#following?.leave(new PeerError("network", "asked-again", { message: "No docket came" }));
  }

  restart(): void {
    this.#run.abort();
  }

  /** Runs until the signal aborts; then it ends once a commit under way is done. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#stopped) {
      const run = childOf(signal);
      this.#run = run;
      this.#startedMs = this.options.clock.monotonicMs();
      await this.#runOnce(run.signal);
      run.dispose();
    }
  }

  /** One run, which ends with the signal, or when its time is over: the next starts afresh. */
  async #runOnce(signal: AbortSignal): Promise<void> {
    const { subscription, log } = this.options;
    while (await untilStorable(this.options, { view: this.view, signal })) {
      if (this.#choice.isFarBehind(this.options)) await this.#catchUp(signal);
      if (signal.aborted) return;
      const source = this.#choice.best();
      if (source === undefined) {
        this.#failForWantOfSources();
        await this.#rest(signal);
        continue;
      }
      this.view.sourcePeerId = source.peerId;
      this.#watch.chose(source.peerId);
      const failuresBefore = subscription.failures;
      const end = await this.#runFrom(source, signal);
      this.view.isReceiving = false;
      if (signal.aborted) return;
      log.info({ peerId: source.peerId, end: end.kind, reason: describeEnd(end) }, "Source left");
      this.view.targetNumber = this.options.anchor().nextNumber - 1;
      this.#noteEnd(source, end);
      const hasProgressed = subscription.failures < failuresBefore;
      // Another source is asked at once: a rest is for when all of them were asked in vain.
      if (end.kind !== "moved" && !hasProgressed && this.#choice.best() === undefined)
        await this.#rest(signal);
    }
  }

  /** Ranges of all sources, until nobody has more. What is left is for the stream of one. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { options, view } = this;
    const { nextNumber } = options.anchor();
    Object.assign(view, { resumedFrom: nextNumber, isReceiving: true });
    this.#choice.startOver();
    options.log.info({ nextDocket: nextNumber }, "Catching up by ranges");
    const run = new CatchUp({
      sources: () => this.#choice.forRanges(),
      nextNumber: () => options.anchor().nextNumber,
      policy: () => options.anchor().policy,
      pullRange: options.pullRange,
      check: this.stages.checking(options.check),
      commit: this.#commit,
      onCommitted: (checked, peerId) => {
        view.sourcePeerId = peerId;
        this.#choice.prove(peerId);
        this.#stored(checked, peerId);
        this.place(Math.max(options.anchor().nextNumber - 1, this.#choice.claimedHead()));
      },
      onTrouble: (source, trouble) => this.#trouble(source.peerId, trouble),
      inFlight,
      clock: options.clock,
      signal,
    });
    const end = await this.#watch.within({ nextNumber, peerId: "several" }, () => run.run());
    view.isReceiving = false;
    options.log.info({ end: end.kind, nextDocket: options.anchor().nextNumber }, "Caught up");
    if (end.kind === "broken") this.#broken(end.error);
  }

  async #runFrom(source: Source, signal: AbortSignal): Promise<PipelineEnd> {
    const { log } = this.options;
    const stopping = childOf(signal);
    const following = new Following(source, stopping);
    this.#following = following;
    try {
      if (this.options.anchor().nextNumber === 0 && beginsAtHead(this.options, source)) {
        const started = await this.options.start(source, stopping.signal);
        if (!started.ok) return { kind: "refused", refusal: started.refusal };
        this.#committed(started.value.number, { dockets: 1, transactions: 0, bytes: 0 });
        this.place(started.value.number);
      }
      const anchor = this.options.anchor();
      Object.assign(this.view, { resumedFrom: anchor.nextNumber, isReceiving: true });
      log.info({ peerId: source.peerId, nextDocket: anchor.nextNumber }, "Pulling from here on");
      const run = () => this.#runPages(source, { anchor, stopping });
      const end = await this.#watch.within({ ...anchor, peerId: source.peerId }, run);
      return following.reason === null ? end : { kind: "failed", error: following.reason };
    } catch (error) {
      return { kind: "failed", error };
    } finally {
      this.#following = null;
      stopping.abort();
      stopping.dispose();
    }
  }

  #runPages(
    source: Source,
    run: { anchor: Anchor; stopping: AbortController },
  ): Promise<PipelineEnd> {
    const pages = this.options.pull(source, {
      nextNumber: run.anchor.nextNumber,
      latestVersion: 0,
      signal: run.stopping.signal,
    });
    return runPipeline(pages, {
      policy: run.anchor.policy,
      capacity: limits.pagesInFlight,
      inFlight,
      stop: () => run.stopping.abort(),
      stations: {
        check: this.#watch.over(this.stages.checking(this.options.check)),
        commit: this.#commit,
        onPage: ({ checked, sourceHeadNumber }) => {
          if (checked !== null) this.#stored(checked, source.peerId);
          this.place(sourceHeadNumber);
        },
      },
    });
  }

  #stored(checked: CheckedPage, peerId: string): void {
    const number = checked.dockets.at(-1)?.number ?? -1;
    this.#committed(number, amountsOf(checked));
    this.#judge.stored(number, peerId);
  }

  #committed(number: number, amounts: Amounts): void {
    this.#movedMs = this.options.clock.monotonicMs();
    this.rate.add(amounts, this.#movedMs);
    this.#watch.stored(number - amounts.dockets + 1, amounts);
    this.options.subscription.progressed();
    const targetNumber = Math.max(this.view.targetNumber ?? 0, number);
    Object.assign(this.view, noError, { targetNumber, lastSyncAtMs: this.options.clock.nowMs() });
  }

  /** Behind the source or level with it: says so in the state. */
  place(sourceHeadNumber = this.view.targetNumber ?? -1): void {
    this.view.targetNumber = Math.max(this.view.targetNumber ?? 0, sourceHeadNumber);
    const behind = sourceHeadNumber - (this.options.anchor().nextNumber - 1);
    if (behind <= 0) {
      this.#watch.level();
      Object.assign(this.view, noError);
    }
    settle(this.options, behind);
    this.options.onChange();
  }

  #noteEnd(source: Source, end: PipelineEnd): void {
    const trouble = troubleOfEnd(end);
    if (trouble !== null) this.#trouble(source.peerId, trouble);
    else if (end.kind === "ended") this.#memory.exclude(source.peerId, "unreachable");
    else if (end.kind === "broken") this.#broken(end.error);
  }

  /** This node failed, and no source. */
  #broken(error: unknown): void {
    this.#fail(error instanceof PeerError ? error.code : "store-failed", messageOf(error));
  }

  #trouble(peerId: string, trouble: Trouble): void {
    this.#judge.trouble(peerId, trouble);
    this.#watch.left(peerId, codeOf(trouble));
    this.#fail(codeOf(trouble), sentenceOf(trouble, peerId));
  }

  /** Why there is no source is told by what happened to the last one. */
  #failForWantOfSources(): void {
    const { errorCode, errorMessage } = this.view;
    const why = errorMessage ?? "No reachable peer that we may ask holds this register";
    this.#fail(errorCode ?? "no-source", why);
  }

  #fail(code: string, why: string): void {
    Object.assign(this.view, { errorCode: code, errorMessage: why });
    const message = "Too many failures in a row; trying more slowly";
    if (this.options.subscription.failed()) this.options.log.warn({ code }, message);
    this.options.onChange();
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { subscription, clock, dice } = this.options;
    const longestMs = subscription.state === "Error" ? 60_000 : 10_000;
    const waitMs = backoffMs(subscription.failures, { firstMs: 100, longestMs, dice });
    await this.#nap.rest(waitMs, { clock, signal });
  }
}
