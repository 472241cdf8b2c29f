import { isBusy, type Lane, newLane, speedOf, type Task } from "./lane.ts";

/** A run of dockets to ask of one source. */
export interface Range {
  from: number;
  count: number;
}

/** In dockets. */
export interface Bounds {
  rangeMax: number;
  /** How far ahead of what is stored. */
  windowMax: number;
  /** For a source whose rate nobody knows yet. */
  firstCount: number;
}

/**
 * A source is given as much as it brings in about this time, so that a slow one holds up little.
 */
const rangeMs = 750;
/** Fewer are not worth a question, however slow the source. */
const leastCount = 10;
/** The range that all others wait for is asked of a second source after this silence. */
const headPatienceMs = 500;
/** What is taken over must be worth a round trip. */
const takeOverMs = 100;

/**
 * Who is asked for which dockets of a catch-up. Every source gets ranges after its measured rate,
 * the next one shortly before it is done with the last: a lane holds one range, and a source has
 * several lanes. One that has nothing to do takes half of the slowest range from its source, or
 * asks for the same once more where that source stands still. What arrives twice counts once. A
 * value: pure, told the time (monotonic ms).
 */
export class Plan {
  readonly #lanes = new Map<string, Lane>();
  readonly #tasks = new Set<Task>();
  #free: { from: number; to: number }[] = [];
  #committed: number;
  #frontier: number;

  constructor(
    nextNumber: number,
    private readonly bounds: Bounds,
  ) {
    this.#committed = nextNumber;
    this.#frontier = nextNumber;
  }

  /** Bounds that fit the size of what comes. */
  resize(bounds: Pick<Bounds, "rangeMax" | "windowMax">): void {
    Object.assign(this.bounds, bounds);
  }

  addLane(laneId: string, options: { sourceId: string; headNumber: number; nowMs: number }): void {
    this.#lanes.set(laneId, newLane(options));
  }

  /** The lane is out: what it had not brought is for others. */
  dropLane(laneId: string): void {
    this.#release(this.#lanes.get(laneId));
    this.#lanes.delete(laneId);
  }

  /** Some source was asked for a range that has not come. */
  get isUnderWay(): boolean {
    return this.#tasks.size > 0;
  }

  get laneCount(): number {
    return this.#lanes.size;
  }

  /** Dockets a second of a source. */
  rateOf(sourceId: string): number | null {
    const rates = this.#lanesOf(sourceId).flatMap((lane) => lane.rate ?? []);
    return rates.length === 0 ? null : Math.max(...rates) * 1000;
  }

  /** The source turned out to have nothing from this docket on, or more than it told before. */
  setHead(sourceId: string, headNumber: number): void {
    for (const lane of this.#lanesOf(sourceId)) lane.headNumber = headNumber;
  }

  /** What this lane shall bring next; null where there is nothing for it now. */
  assign(laneId: string, nowMs: number): Range | null {
    const lane = this.#lanes.get(laneId);
    if (lane === undefined || lane.task !== null || lane.restsUntilMs > nowMs) return null;
    if (this.#lanesOf(lane.sourceId).some(isBusy)) return null;
    const task =
      this.#hedgeHead(lane, nowMs) ?? this.#takeFree(lane) ?? this.#takeNew(lane) ?? null;
    if (task !== null) return this.#begin(lane, task, nowMs);
    const taken = this.#takeOver(lane, nowMs);
    return taken === null ? null : this.#begin(lane, taken, nowMs);
  }

  /** Dockets came in a lane: how many from the front are known, and how many are to be used. */
  arrived(laneId: string, page: Range & { nowMs: number }): { skip: number; take: number } {
    const lane = this.#lanes.get(laneId);
    const task = lane?.task ?? null;
    if (lane === undefined || task === null) return { skip: page.count, take: 0 };
    this.#measure(lane, page);
    const start = Math.max(page.from, task.got);
    const end = Math.min(page.from + page.count, task.to);
    if (end <= start) return { skip: page.count, take: 0 };
    task.got = end;
    if (task.got === task.to) this.#finish(task, { by: lane, nowMs: page.nowMs });
    return { skip: start - page.from, take: end - start };
  }

  /** Whether the lane has brought its range, or another one has: its stream can be closed. */
  isIdle(laneId: string): boolean {
    return (this.#lanes.get(laneId)?.task ?? null) === null;
  }

  /** The lane's stream is over, complete or not. */
  ended(laneId: string, nowMs: number): void {
    const lane = this.#lanes.get(laneId);
    this.#release(lane);
    if (lane !== undefined) this.#passOn(lane, nowMs);
  }

  /** Dockets that arrived turned out to be worthless: they are asked for again. */
  lost(range: Range): void {
    this.#putBack(range.from, range.from + range.count);
  }

  committed(nextNumber: number): void {
    this.#committed = Math.max(this.#committed, nextNumber);
  }

  /** Nothing is under way, and nobody has more. */
  isDone(): boolean {
    if (this.#tasks.size > 0) return false;
    const newest = Math.max(-1, ...[...this.#lanes.values()].map((lane) => lane.headNumber));
    const rest = this.#free[0]?.from ?? this.#frontier;
    return rest > newest;
  }

  /** Whether a source that brought something has nothing behind `nextNumber` either. */
  isLevel(nextNumber: number): boolean {
    return [...this.#lanes.values()].some(
      (lane) => lane.rate !== null && lane.headNumber === nextNumber - 1,
    );
  }

  #begin(lane: Lane, task: Task, nowMs: number): Range {
    lane.task = task;
    lane.startedMs = nowMs;
    lane.startedAt = task.got;
    lane.lastMs = nowMs;
    lane.lastCount = 1;
    this.#tasks.add(task);
    return { from: task.got, count: task.to - task.got };
  }

  /** The range that everybody waits for, when its source has fallen silent. */
  #hedgeHead(lane: Lane, nowMs: number): Task | null {
    const head = [...this.#tasks].find((task) => task.from <= this.#committed);
    const isSlow = (other: Lane) =>
      other.sourceId !== lane.sourceId && nowMs - other.lastMs > headPatienceMs;
    if (head === undefined || head.got > lane.headNumber) return null;
    const on = this.#lanesOn(head);
    return on.length < 3 && on.every(isSlow) ? head : null;
  }

  #takeFree(lane: Lane): Task | null {
    const piece = this.#free.find(({ from }) => from <= lane.headNumber);
    if (piece === undefined) return null;
    const from = piece.from;
    const to = Math.min(piece.to, from + this.#sizeFor(lane), lane.headNumber + 1);
    this.#free = this.#free.filter((one) => one !== piece);
    if (to < piece.to) this.#putBack(to, piece.to);
    return { from, to, got: from };
  }

  #takeNew(lane: Lane): Task | null {
    const from = this.#frontier;
    const end = Math.min(lane.headNumber + 1, this.#committed + this.bounds.windowMax);
    const to = Math.min(from + this.#sizeFor(lane), end);
    if (to <= from) return null;
    this.#frontier = to;
    return { from, to, got: from };
  }

  /** The tail of the range that would be ready last, or all of it where its source stands still. */
  #takeOver(lane: Lane, nowMs: number): Task | null {
    const speed = lane.rate ?? this.#middlingRate();
    let worst: { task: Task; leftMs: number; speed: number } | null = null;
    for (const task of this.#tasks) {
      const on = this.#lanesOn(task);
      if (task.got > lane.headNumber || on.length > 1) continue;
      if (on[0]?.sourceId === lane.sourceId) continue;
      const theirs = Math.max(...on.map((other) => speedOf(other, nowMs)));
      const leftMs = (task.to - task.got) / theirs;
      if (leftMs > (worst?.leftMs ?? 0)) worst = { task, leftMs, speed: theirs };
    }
    if (worst === null) return null;
    const left = worst.task.to - worst.task.got;
    if (worst.leftMs < 2 * (left / speed) + takeOverMs && worst.leftMs < rangeMs) return null;
    const mine = Math.floor((left * speed) / (speed + worst.speed));
    const middle = worst.task.to - mine;
    const isStill = worst.leftMs > 10 * (left / speed) + headPatienceMs;
    if (isStill || mine < 1 || middle <= worst.task.got) return worst.task;
    if (middle > lane.headNumber) return null;
    const tail = { from: middle, to: worst.task.to, got: middle };
    worst.task.to = middle;
    return tail;
  }

  #finish(task: Task, done: { by: Lane; nowMs: number }): void {
    this.#tasks.delete(task);
    for (const lane of this.#lanesOn(task)) {
      lane.task = null;
      const isBehind = lane !== done.by && done.nowMs - lane.lastMs > headPatienceMs;
      if (!isBehind) continue;
      lane.overtaken += 1;
      lane.restsUntilMs = done.nowMs + 1_000 * 2 ** Math.min(lane.overtaken, 5);
    }
    done.by.overtaken = 0;
    this.#passOn(done.by, done.nowMs);
  }

  /** The source goes on with the range it was asked for meanwhile: its time begins now. */
  #passOn(from: Lane, nowMs: number): void {
    for (const lane of this.#lanesOf(from.sourceId)) {
      lane.rate = from.rate ?? lane.rate;
      if (lane === from || lane.task === null || lane.task.got > lane.startedAt) continue;
      lane.startedMs = nowMs;
      lane.lastMs = nowMs;
    }
  }

  #release(lane: Lane | undefined): void {
    const task = lane?.task ?? null;
    if (lane === undefined || task === null) return;
    lane.task = null;
    if (this.#lanesOn(task).length > 0) return;
    this.#tasks.delete(task);
    this.#putBack(task.got, task.to);
  }

  #putBack(from: number, to: number): void {
    if (to <= from) return;
    this.#free = [...this.#free, { from, to }].sort((left, right) => left.from - right.from);
  }

  #measure(lane: Lane, page: Range & { nowMs: number }): void {
    const elapsedMs = Math.max(1, page.nowMs - lane.startedMs);
    const sofar = (page.from + page.count - lane.startedAt) / elapsedMs;
    lane.rate = lane.rate === null ? sofar : lane.rate * 0.7 + sofar * 0.3;
    lane.lastMs = page.nowMs;
    lane.lastCount = page.count;
  }

  #sizeFor(lane: Lane): number {
    const fitting = lane.rate === null ? this.bounds.firstCount : Math.round(lane.rate * rangeMs);
    return Math.min(Math.max(fitting, leastCount), this.bounds.rangeMax);
  }

  #middlingRate(): number {
    const rates = [...this.#lanes.values()].flatMap((lane) => lane.rate ?? []);
    return rates.length === 0 ? 1 : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  }

  #lanesOf(sourceId: string): Lane[] {
    return [...this.#lanes.values()].filter((lane) => lane.sourceId === sourceId);
  }

  #lanesOn(task: Task): Lane[] {
    return [...this.#lanes.values()].filter((lane) => lane.task === task);
  }
}
