import { Bell } from "../base/bell.ts";
import { isAbort } from "../base/error.ts";
import { abortError, childOf } from "../base/signal.ts";
import type { CheckedPage, Outcome } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import { Arrivals, type Arrived } from "./arrivals.ts";
import type { CatchUpEnd, CatchUpOptions } from "./catch-up-options.ts";
import type { Asked } from "./in-flight.ts";
import { rungWithin } from "./nap.ts";
import { Plan, type Range } from "./plan.ts";
import { type PulledPage, partOf } from "./pull.ts";
import { Sizes } from "./sizes.ts";
import { type Trouble, troubleOf } from "./trouble.ts";

/**
 * Brings the past of a register from one source or many at once. Each has lanes, that ask for the
 * ranges the plan gives them; pages are verified as they arrive and committed in the register's
 * order. A source in trouble loses its lanes, and what it had not brought goes to the others.
 */
export class CatchUp {
  readonly #plan: Plan;
  readonly #sizes: Sizes;
  readonly #arrived: Arrivals;
  /** By source. */
  readonly #lanes = new Map<string, { stop: AbortController; running: Promise<unknown> }>();
  readonly #stopping: AbortController & { dispose: () => void };
  /** Sources that gave nothing more: not taken in again during this run. */
  readonly #left = new Set<string>();
  readonly #change = new Bell();
  #arrivedMs: number;

  constructor(private readonly options: CatchUpOptions) {
    this.#arrived = new Arrivals(options.inFlight);
    this.#sizes = new Sizes(options.inFlight);
    const [source] = options.sources();
    if (source !== undefined) this.#sizes.expect(source.advert);
    const bounds = this.#sizes.bounds({ isStoreBehind: false, lanes: 0 });
    this.#plan = new Plan(options.nextNumber(), bounds);
    this.#stopping = childOf(options.signal);
    this.#arrivedMs = options.clock.monotonicMs();
  }

  /** Dockets a second of each source that took part. */
  rateOf(peerId: string): number | null {
    return this.#plan.rateOf(peerId);
  }

  async run(): Promise<CatchUpEnd> {
    try {
      return await this.options.inFlight.duringCatchUp(() => this.#commitInOrder());
    } catch (error) {
      return { kind: "broken", error };
    } finally {
      this.#stopping.abort();
      this.#stopping.dispose();
      this.#change.ring();
      await Promise.all([...this.#lanes.values()].map((lane) => lane.running));
      this.#arrived.abandon();
    }
  }

  async #commitInOrder(): Promise<CatchUpEnd> {
    while (!this.#stopping.signal.aborted) {
      this.#openLanes();
      const nextNumber = this.options.nextNumber();
      const arrived = this.#arrived.at(nextNumber);
      if (arrived !== undefined) {
        const end = await this.#commitFrom(arrived);
        if (end !== null) return end;
      } else if (this.#lanes.size === 0 || (this.#arrived.isEmpty && this.#isEnough())) {
        return { kind: "done" };
      } else {
        await this.#news();
      }
    }
    return { kind: "done" };
  }

  /** The page whose turn it is, and what waits checked behind it. Null to go on. */
  async #commitFrom(arrived: Arrived): Promise<CatchUpEnd | null> {
    const outcome = await arrived.checked;
    if (!outcome.ok) {
      this.#refuse(arrived, { kind: "false", refusal: outcome.refusal });
      return null;
    }
    const group = this.#arrived.readyFrom(arrived, outcome.value);
    const pages = group.map(({ value }) => value);
    const last = group.at(-1)?.page ?? arrived;
    const { count, stop } = await this.options.commit(pages, last.source.peerId);
    for (const { page, value } of group.slice(0, count)) {
      this.#arrived.take(page);
      this.#plan.committed(page.range.from + page.range.count);
      this.options.onCommitted(value, page.source.peerId);
    }
    const refused = group[count];
    if (stop === "moved") return { kind: "moved" };
    if (stop !== null && refused !== undefined) {
      this.#refuse(refused.page, { kind: "false", refusal: stop });
    }
    this.#change.ring();
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
      if (this.#lanes.size >= sourcesMax) return;
      const stop = childOf(this.#stopping.signal);
      const headNumber = source.advert.latestDocketVersion;
      const nowMs = this.options.clock.monotonicMs();
      const lanes = Array.from({ length: lanesPerSource }, (_, index) => {
        const laneId = `${source.peerId}/${index}`;
        this.#plan.addLane(laneId, { sourceId: source.peerId, headNumber, nowMs });
        return { source, laneId, stop };
      });
      // All of them are known before the first is given its range: it depends on how many they are.
      const started = Promise.resolve().then(() =>
        Promise.all(lanes.map((lane) => this.#bringRanges(lane))),
      );
      const running = started.finally(() => {
        stop.dispose();
        for (const { laneId } of lanes) this.#plan.dropLane(laneId);
        this.#left.add(source.peerId);
        this.#lanes.delete(source.peerId);
        this.#change.ring();
      });
      this.#lanes.set(source.peerId, { stop, running });
    }
  }

  async #bringRanges({ source, laneId, stop }: Lane): Promise<void> {
    const { clock, inFlight } = this.options;
    while (!stop.signal.aborted && !this.#plan.isDone()) {
      const range = this.#mustWait() ? null : this.#plan.assign(laneId, clock.monotonicMs());
      if (range === null) {
        await this.#news();
        continue;
      }
      try {
        const asked = inFlight.ask(this.#sizes.bytesMax(range.count, this.#plan.laneCount));
        await this.#bring({ source, laneId, stop }, { ...range, asked }).finally(() => asked.end());
      } catch (error) {
        if (stop.signal.aborted && isAbort(error)) return;
        const trouble = troubleOf(error);
        if (this.#saysItsEnd(source, { trouble, range })) continue;
        stop.abort();
        this.options.onTrouble(source, trouble);
        return;
      }
    }
  }

  /** There is no room, and the page that all others wait for is here or on its way. */
  #mustWait(): boolean {
    if (!this.#arrived.isFull) return false;
    const isSilent = this.options.clock.monotonicMs() - this.#arrivedMs > quietMs;
    return this.#arrived.has(this.options.nextNumber()) || (this.#plan.isUnderWay && !isSilent);
  }

  /** NOT_YET is an answer: the source has less than it was believed to have. */
  #saysItsEnd(source: Source, said: { trouble: Trouble; range: Range }): boolean {
    const { trouble, range } = said;
    if (trouble.kind !== "refusal" || trouble.name !== "NOT_YET") return false;
    if (range.from <= this.options.nextNumber()) return false;
    this.#plan.setHead(source.peerId, range.from - 1);
    return true;
  }

  /** One range from one source. Leaves early when another source has brought the rest of it. */
  async #bring({ source, laneId, stop }: Lane, range: Range & { asked: Asked }): Promise<void> {
    const leaving = childOf(stop.signal);
    let next = range.from;
    const watch = this.#leaveWhenIdle(laneId, leaving);
    try {
      for await (const page of this.options.pullRange(source, {
        ...range,
        bytesMax: range.asked.bytes,
        signal: leaving.signal,
      })) {
        range.asked.came(page.bytes.length);
        if (this.#plan.isIdle(laneId)) break;
        if (page.docketCount === 0) break;
        this.#accept({ source, laneId }, page);
        next += page.docketCount;
        if (!(await this.#room(page.nextNumber, leaving.signal))) break;
      }
      if (next === range.from && !this.#plan.isIdle(laneId)) {
        this.#plan.setHead(source.peerId, range.from - 1);
      }
    } catch (error) {
      // Another source was faster: that is no trouble with this one.
      if (!(isAbort(error) && this.#plan.isIdle(laneId))) throw error;
    } finally {
      this.#plan.ended(laneId, this.options.clock.monotonicMs());
      leaving.abort();
      leaving.dispose();
      await watch;
      this.#change.ring();
    }
  }

  async #leaveWhenIdle(laneId: string, leaving: AbortController): Promise<void> {
    while (!leaving.signal.aborted) {
      if (this.#plan.isIdle(laneId)) return leaving.abort();
      await this.#news(leaving.signal);
    }
  }

  #accept({ source, laneId }: Pick<Lane, "source" | "laneId">, page: PulledPage): void {
    const { docketCount: count, nextNumber: from } = page;
    const nowMs = this.options.clock.monotonicMs();
    const { skip, take } = this.#plan.arrived(laneId, { from, count, nowMs });
    this.#plan.setHead(source.peerId, Math.max(page.sourceHeadNumber, from + count - 1));
    this.#sizes.came(page);
    const isStoreBehind = this.#arrived.has(this.options.nextNumber());
    const lanes = this.#plan.laneCount;
    this.#plan.resize(this.#sizes.bounds({ isStoreBehind, lanes }));
    if (take === 0) return;
    this.#arrivedMs = nowMs;
    const useful = take === count ? page : partOf(page, { skip, take });
    const checked = this.#check(useful);
    const range = { from: from + skip, count: take };
    const arrived: Arrived = { source, range, bytes: useful.bytes.length, checked, value: null };
    this.#arrived.add(arrived);
    // A lie is acted on when it is found, not when its turn comes.
    checked.then(
      (outcome) => {
        if (outcome.ok) arrived.value = outcome.value;
        else this.#refuse(arrived, { kind: "false", refusal: outcome.refusal });
      },
      () => undefined,
    );
    this.#change.ring();
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
    if (!this.#arrived.take(arrived)) return;
    this.#left.add(source.peerId);
    this.#lanes.get(source.peerId)?.stop.abort();
    this.#plan.lost(range);
    this.options.onTrouble(source, trouble);
    this.#change.ring();
  }

  /**
   * Waits while too much waits for its turn; never with the page that all others wait for. False
   * when that takes long: the lane is needed elsewhere, perhaps for that very page.
   */
  async #room(from: number, signal: AbortSignal): Promise<boolean> {
    const dueMs = this.options.clock.monotonicMs() + roomPatienceMs;
    while (!signal.aborted && this.#arrived.isFull && from > this.options.nextNumber()) {
      if (this.options.clock.monotonicMs() > dueMs) return false;
      await this.#news(signal);
    }
    return true;
  }

  /** Something happened, or a little time has passed: sources fall silent without saying so. */
  async #news(signal: AbortSignal = this.#stopping.signal): Promise<void> {
    await rungWithin(this.#change, { ms: tickMs, clock: this.options.clock, signal });
  }
}

/** One of a source's requests, with what ends all of them. */
interface Lane {
  source: Source;
  laneId: string;
  stop: AbortController;
}

/** Sources asked at once; each for its next range before the last one has come. */
const sourcesMax = 8;
const lanesPerSource = limits.questionsPerSource;
const tickMs = 100;
const roomPatienceMs = 1_000;
/** A source that says it has more and brings nothing isn't waited for when another has it all. */
const quietMs = 1_000;
