import { type Lane, newLane, Supply, type Task } from "./lane.ts";
import { type Bounds, leastMs, middlingRate, sizeFor } from "./shares.ts";

/** A run of dockets to ask of one source. */
export interface Range {
  from: number;
  count: number;
}

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
  readonly #supplies = new Map<string, Supply>();
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
  resize(bounds: Partial<Bounds>): void {
    Object.assign(this.bounds, bounds);
  }

  addLane(laneId: string, options: { sourceId: string; headNumber: number; nowMs: number }): void {
    const { sourceId, headNumber, nowMs } = options;
    const supply = this.#supplies.get(sourceId) ?? new Supply(sourceId, headNumber);
    const lane = newLane(supply, nowMs);
    supply.lanes.add(lane);
    this.#supplies.set(sourceId, supply);
    this.#lanes.set(laneId, lane);
  }

  /** The lane is out: what it had not brought is for others. */
  dropLane(laneId: string): void {
    const lane = this.#lanes.get(laneId);
    if (lane === undefined) return;
    this.#release(lane);
    this.#lanes.delete(laneId);
    lane.supply.lanes.delete(lane);
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
    const rate = this.#supplies.get(sourceId)?.rate ?? null;
    return rate === null ? null : rate * 1000;
  }

  /** The source turned out to have nothing from this docket on, or more than it told before. */
  setHead(sourceId: string, headNumber: number): void {
    const supply = this.#supplies.get(sourceId);
    if (supply !== undefined) supply.headNumber = headNumber;
  }

  /** What this lane shall bring next; null where there is nothing for it now. */
  assign(laneId: string, nowMs: number): Range | null {
    const lane = this.#lanes.get(laneId);
    if (lane === undefined || lane.task !== null || lane.restsUntilMs > nowMs) return null;
    // However busy it is: all the others wait for that one.
    const head = this.#hedgeHead(lane, nowMs);
    if (head !== null) return this.#begin(lane, head, nowMs);
    if (lane.supply.isBusy) return null;
    const { supply } = lane;
    const unasked = this.#unasked(supply);
    const count = sizeFor(supply, { all: this.#active(), unasked, nowMs, bounds: this.bounds });
    if (count === 0) return null;
    const task =
      this.#takeFree(lane, count) ?? this.#takeNew(lane, count) ?? this.#takeOver(lane, nowMs);
    return task === null ? null : this.#begin(lane, task, nowMs);
  }

  /** Dockets came in a lane: how many from the front are known, and how many are to be used. */
  arrived(laneId: string, page: Range & { nowMs: number }): { skip: number; take: number } {
    const lane = this.#lanes.get(laneId);
    const task = lane?.task ?? null;
    if (lane === undefined || task === null) return { skip: page.count, take: 0 };
    lane.supply.came(lane, page);
    lane.lastMs = page.nowMs;
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
    const newest = Math.max(-1, ...this.#active().map((supply) => supply.headNumber));
    const rest = this.#free[0]?.from ?? this.#frontier;
    return rest > newest;
  }

  /** Whether a source that brought something has nothing behind `nextNumber` either. */
  isLevel(nextNumber: number): boolean {
    return this.#active().some(
      ({ rate, headNumber }) => rate !== null && headNumber === nextNumber - 1,
    );
  }

  #begin(lane: Lane, task: Task, nowMs: number): Range {
    lane.supply.asked(nowMs);
    lane.task = task;
    lane.startedMs = nowMs;
    lane.startedAt = task.got;
    lane.lastMs = nowMs;
    this.#tasks.add(task);
    return { from: task.got, count: task.to - task.got };
  }

  /** The range that everybody waits for, when its source has fallen silent. */
  #hedgeHead(lane: Lane, nowMs: number): Task | null {
    const head = [...this.#tasks].find((task) => task.from <= this.#committed);
    const isSlow = (other: Lane) =>
      other.supply !== lane.supply && nowMs - other.lastMs > headPatienceMs;
    if (head === undefined || head.got > lane.supply.headNumber) return null;
    const on = this.#lanesOn(head);
    return on.length < 3 && on.every(isSlow) ? head : null;
  }

  #takeFree(lane: Lane, count: number): Task | null {
    const piece = this.#free.find(({ from }) => from <= lane.supply.headNumber);
    if (piece === undefined) return null;
    const from = piece.from;
    const to = Math.min(piece.to, from + count, lane.supply.headNumber + 1);
    this.#free = this.#free.filter((one) => one !== piece);
    if (to < piece.to) this.#putBack(to, piece.to);
    return { from, to, got: from };
  }

  #takeNew(lane: Lane, count: number): Task | null {
    const from = this.#frontier;
    const end = Math.min(lane.supply.headNumber + 1, this.#committed + this.bounds.windowMax);
    const to = Math.min(from + count, end);
    if (to <= from) return null;
    this.#frontier = to;
    return { from, to, got: from };
  }

  /**
   * The tail of what would be here last, so that both are done at the same time; all of a range,
   * in a race, where its source stands still.
   */
  #takeOver({ supply }: Lane, nowMs: number): Task | null {
    const middling = middlingRate(this.#active());
    const speed = supply.rate ?? middling;
    let worst: { task: Task; leftMs: number; theirs: number; isStill: boolean } | null = null;
    for (const task of this.#tasks) {
      const [on, second] = this.#lanesOn(task);
      if (task.got > supply.headNumber || on === undefined || second !== undefined) continue;
      const theirs = on.supply.speedAt(nowMs, middling);
      const isStill = theirs < (on.supply.rate ?? middling) / 4;
      if (on.supply === supply || (!isStill && task.to - task.got < 2)) continue;
      const leftMs = on.supply.left / theirs - supply.answerMs;
      if (leftMs < takeOverMs || leftMs < (worst?.leftMs ?? 0)) continue;
      worst = { task, leftMs, theirs, isStill };
    }
    if (worst === null) return null;
    const { task, leftMs, theirs, isStill } = worst;
    const mine = Math.floor((leftMs * theirs * speed) / (theirs + speed));
    if (mine < Math.max(1, speed * leastMs)) return null;
    if (isStill && task.to - mine <= task.got) return task;
    const middle = Math.max(task.to - mine, task.got + 1);
    if (middle > supply.headNumber) return null;
    const tail = { from: middle, to: task.to, got: middle };
    task.to = middle;
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
    for (const lane of from.supply.lanes) {
      if (lane === from || lane.task === null || lane.task.got > lane.startedAt) continue;
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

  /** Dockets that it may have and nobody was asked for. */
  #unasked({ headNumber }: Supply): number {
    const free = this.#free.reduce((sum, { from, to }) => sum + to - from, 0);
    return free + Math.max(0, headNumber + 1 - this.#frontier);
  }

  /** Sources that take part. */
  #active(): Supply[] {
    return [...this.#supplies.values()].filter(({ lanes }) => lanes.size > 0);
  }

  #lanesOn(task: Task): Lane[] {
    return [...this.#lanes.values()].filter((lane) => lane.task === task);
  }
}
