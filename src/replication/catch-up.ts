import { isAbort } from "../base/error.ts";
import { abortError, childOf } from "../base/signal.ts";
import type { CheckedPage, Outcome } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import type { CatchUpEnd, CatchUpOptions } from "./catch-up-options.ts";
import { Plan, type Range } from "./plan.ts";
import { type PulledPage, partOf } from "./pull.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

interface Arrived {
  source: Source;
  range: Range;
  bytes: number;
  checked: Promise<Outcome<CheckedPage>>;
}

/**
 * Brings the past of a register from many sources at once. Each has a lane, that asks for the
 * ranges
 * the plan gives it; pages are verified as they arrive and committed in the register's order. A
 * source in trouble loses its lane, and what it had not brought goes to the others.
 */
export class CatchUp {
  readonly #plan: Plan;
  readonly #arrived = new Map<number, Arrived>();
  readonly #lanes = new Map<string, { stop: AbortController; running: Promise<void> }>();
  readonly #stopping: AbortController & { dispose: () => void };
  /** Sources that gave nothing more: not taken in again during this run. */
  readonly #left = new Set<string>();
  #change = Promise.withResolvers<void>();
  #bytesWaiting = 0;
  #bytesSeen = 0;
  #docketsSeen = 0;
  #arrivedMs: number;

  constructor(private readonly options: CatchUpOptions) {
    this.#plan = new Plan(options.nextNumber(), { rangeMax: 1_000, windowMax: 4_000 });
    this.#stopping = childOf(options.signal);
    this.#arrivedMs = options.clock.monotonicMs();
  }

  /** Dockets a second of each source that took part. */
  rateOf(peerId: string): number | null {
    return this.#plan.rateOf(peerId);
  }

  async run(): Promise<CatchUpEnd> {
    try {
      return await this.#commitInOrder();
    } catch (error) {
      return { kind: "broken", error };
    } finally {
      this.#stopping.abort();
      this.#stopping.dispose();
      this.#changed();
      await Promise.all([...this.#lanes.values()].map((lane) => lane.running));
      for (const { checked } of this.#arrived.values()) checked.catch(() => undefined);
    }
  }

  async #commitInOrder(): Promise<CatchUpEnd> {
    while (!this.#stopping.signal.aborted) {
      this.#openLanes();
      const nextNumber = this.options.nextNumber();
      const arrived = this.#arrived.get(nextNumber);
      if (arrived !== undefined) {
        const end = await this.#commitOne(arrived);
        if (end !== null) return end;
      } else if (this.#lanes.size === 0 || (this.#arrived.size === 0 && this.#isEnough())) {
        return { kind: "done" };
      } else {
        await this.#news();
      }
    }
    return { kind: "done" };
  }

  /** Null to go on. */
  async #commitOne(arrived: Arrived): Promise<CatchUpEnd | null> {
    const { source, range, checked } = arrived;
    const outcome = await checked;
    if (!outcome.ok) {
      this.#refuse(arrived, { kind: "false", refusal: outcome.refusal });
      return null;
    }
    const committed = await this.options.commit(outcome.value, source.peerId);
    if (committed === "moved") return { kind: "moved" };
    if (!committed.ok) {
      this.#refuse(arrived, { kind: "false", refusal: committed.refusal });
      return null;
    }
    this.#take(range.from, arrived);
    this.#plan.committed(range.from + range.count);
    this.options.onCommitted(committed.value, outcome.value, source.peerId);
    this.#changed();
    return null;
  }

  /** Nobody has more, or only somebody who says so and doesn't give it. */
  #isEnough(): boolean {
    if (this.#plan.isDone()) return true;
    const isQuiet = this.options.clock.monotonicMs() - this.#arrivedMs > quietMs;
    return isQuiet && this.#plan.isLevel(this.options.nextNumber());
  }

  #openLanes(): void {
    for (const source of this.options.sources()) {
      if (this.#lanes.has(source.peerId) || this.#left.has(source.peerId)) continue;
      if (this.#lanes.size >= lanesMax) return;
      const stop = childOf(this.#stopping.signal);
      const headNumber = source.advert.latestDocketVersion;
      this.#plan.addLane(source.peerId, { headNumber, nowMs: this.options.clock.monotonicMs() });
      const running = this.#runLane(source, stop).finally(() => {
        stop.dispose();
        this.#left.add(source.peerId);
        this.#plan.dropLane(source.peerId);
        this.#lanes.delete(source.peerId);
        this.#changed();
      });
      this.#lanes.set(source.peerId, { stop, running });
    }
  }

  async #runLane(source: Source, stop: AbortController): Promise<void> {
    const { clock } = this.options;
    while (!stop.signal.aborted && !this.#plan.isDone()) {
      const range = this.#plan.assign(source.peerId, clock.monotonicMs());
      if (range === null) {
        await this.#news();
        continue;
      }
      try {
        await this.#bring(source, { range, stop });
      } catch (error) {
        if (stop.signal.aborted && isAbort(error)) return;
        const trouble = troubleOf(error);
        if (this.#saysItsEnd(source, { trouble, range })) continue;
        this.options.onTrouble(source, trouble);
        return;
      }
    }
  }

  /** NOT_YET is an answer: the source has less than it was believed to have. */
  #saysItsEnd(source: Source, said: { trouble: Trouble; range: Range }): boolean {
    const { trouble, range } = said;
    if (trouble.kind !== "refusal" || trouble.name !== "NOT_YET") return false;
    if (range.from <= this.options.nextNumber()) return false;
    this.#plan.ended(source.peerId);
    this.#plan.setHead(source.peerId, range.from - 1);
    return true;
  }

  /** One range from one source. Leaves early when another source has brought the rest of it. */
  async #bring(source: Source, asked: { range: Range; stop: AbortController }): Promise<void> {
    const { range, stop } = asked;
    const leaving = childOf(stop.signal);
    let next = range.from;
    const watch = this.#leaveWhenIdle(source, leaving);
    try {
      for await (const page of this.options.pullRange(source, {
        ...range,
        signal: leaving.signal,
      })) {
        if (this.#plan.isIdle(source.peerId)) break;
        if (page.docketCount === 0) break;
        this.#accept(source, page);
        next += page.docketCount;
        if (!(await this.#room(page.nextNumber, leaving.signal))) break;
      }
      if (next === range.from && !this.#plan.isIdle(source.peerId)) {
        this.#plan.setHead(source.peerId, range.from - 1);
      }
    } catch (error) {
      // Another source was faster: that is no trouble with this one.
      if (!(isAbort(error) && this.#plan.isIdle(source.peerId))) throw error;
    } finally {
      this.#plan.ended(source.peerId);
      leaving.abort();
      leaving.dispose();
      await watch;
      this.#changed();
    }
  }

  async #leaveWhenIdle(source: Source, leaving: AbortController): Promise<void> {
    while (!leaving.signal.aborted) {
      if (this.#plan.isIdle(source.peerId)) return leaving.abort();
      await this.#news(leaving.signal);
    }
  }

  #accept(source: Source, page: PulledPage): void {
    const { docketCount: count, nextNumber: from } = page;
    const nowMs = this.options.clock.monotonicMs();
    const { skip, take } = this.#plan.arrived(source.peerId, { from, count, nowMs });
    this.#plan.setHead(source.peerId, Math.max(page.sourceHeadNumber, from + count - 1));
    this.#measure(page);
    if (take === 0) return;
    this.#arrivedMs = nowMs;
    const useful = take === count ? page : partOf(page, { skip, take });
    const bytes = useful.bytes.length;
    const checked = this.#check(useful);
    const arrived = { source, range: { from: from + skip, count: take }, bytes, checked };
    this.#arrived.set(from + skip, arrived);
    this.#bytesWaiting += bytes;
    // A lie is acted on when it is found, not when its turn comes.
    checked.then(
      (outcome) => {
        if (!outcome.ok) this.#refuse(arrived, { kind: "false", refusal: outcome.refusal });
      },
      () => undefined,
    );
    this.#changed();
  }

  /**
   * What lies behind the genesis docket can be judged once that is stored and has said whom to
   * believe.
   */
  async #check(page: PulledPage): Promise<Outcome<CheckedPage>> {
    const { signal } = this.#stopping;
    while (page.nextNumber > 0 && this.options.policy() === null) {
      if (signal.aborted) throw abortError(signal);
      await this.#news();
    }
    return this.options.check(page, page.nextNumber === 0 ? null : this.options.policy());
  }

  #refuse(arrived: Arrived, trouble: Trouble): void {
    const { source, range } = arrived;
    if (!this.#take(range.from, arrived)) return;
    this.#left.add(source.peerId);
    this.#lanes.get(source.peerId)?.stop.abort();
    this.#plan.lost(range);
    this.options.onTrouble(source, trouble);
    this.#changed();
  }

  #take(from: number, arrived: Arrived): boolean {
    if (this.#arrived.get(from) !== arrived) return false;
    this.#arrived.delete(from);
    this.#bytesWaiting -= arrived.bytes;
    return true;
  }

  #measure(page: PulledPage): void {
    this.#bytesSeen += page.bytes.length;
    this.#docketsSeen += page.docketCount;
    const each = Math.max(1, this.#bytesSeen / this.#docketsSeen);
    this.#plan.resize({
      rangeMax: Math.max(1, Math.floor(rangeBytes / each)),
      windowMax: Math.max(100, Math.floor(limits.catchUpBytes / each)),
    });
  }

  /**
   * Waits while too much waits for its turn; never with the page that all others wait for. False
   * when
   * that takes long: the lane is needed elsewhere, perhaps for that very page.
   */
  async #room(from: number, signal: AbortSignal): Promise<boolean> {
    const dueMs = this.options.clock.monotonicMs() + roomPatienceMs;
    const isFull = () => this.#bytesWaiting > 2 * limits.catchUpBytes;
    while (!signal.aborted && isFull() && from > this.options.nextNumber()) {
      if (this.options.clock.monotonicMs() > dueMs) return false;
      await this.#news(signal);
    }
    return true;
  }

  /** Something happened, or a little time has passed: sources fall silent without saying so. */
  async #news(signal: AbortSignal = this.#stopping.signal): Promise<void> {
    const waiting = childOf(signal);
    const nap = this.options.clock.sleep(tickMs, waiting.signal).catch(() => undefined);
    await Promise.race([this.#change.promise, nap]);
    waiting.abort();
    waiting.dispose();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** Sources asked at once. */
const lanesMax = 8;
const tickMs = 100;
const roomPatienceMs = 1_000;
/**
 * A source that says it has more and brings nothing is not waited for when another one has it
 * all.
 */
const quietMs = 1_000;
/** As much as a source gives for one question. */
const rangeBytes = 8 * limits.frameBytes;
