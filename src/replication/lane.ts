/** A range that is under way. */
export interface Task {
  from: number;
  /** Behind the last one. */
  to: number;
  /** The first docket that has not arrived. */
  got: number;
}

/** One request at a time to one source. */
export interface Lane {
  supply: Supply;
  task: Task | null;
  startedMs: number;
  startedAt: number;
  lastMs: number;
  /** Was overtaken on its own range: gets nothing new until then. */
  restsUntilMs: number;
  overtaken: number;
}

/** What a rate hangs on: what is older counts half for each of these. */
const halvedMs = 1_000;
/** A source is asked for its next range when it needs no longer than this for what it was asked. */
const leadMs = 250;
/** What takes longer is a slow source, and no long road. */
const roadMostMs = 2_000;

/** A source with all its lanes: they share its line, so that its speed is theirs together. */
export class Supply {
  readonly lanes = new Set<Lane>();
  /** The shortest that it ever took to begin an answer: the road there and back, and a frame. */
  answerMs = 0;
  #dockets = 0;
  #ms = 0;
  /** When something came last, or it was asked after it had nothing to do. */
  #sinceMs = 0;
  #pageMost = 0;

  constructor(
    readonly sourceId: string,
    /** The newest docket it may have, as far as we know. */
    public headNumber: number,
  ) {}

  /** Dockets a ms, lately; null before the first came. */
  get rate(): number | null {
    return this.#dockets === 0 ? null : this.#dockets / this.#ms;
  }

  /** It was asked for something. Time in which it had nothing to do doesn't count. */
  asked(nowMs: number): void {
    if (this.isIdle) this.#sinceMs = nowMs;
  }

  came(lane: Lane, { count, nowMs }: { count: number; nowMs: number }): void {
    const elapsedMs = Math.max(1, nowMs - this.#sinceMs);
    const kept = 0.5 ** (elapsedMs / halvedMs);
    this.#dockets = this.#dockets * kept + count;
    this.#ms = this.#ms * kept + elapsedMs;
    this.#sinceMs = nowMs;
    this.#pageMost = Math.max(this.#pageMost, count);
    const answerMs = Math.min(nowMs - lane.startedMs, roadMostMs);
    const isFirst = lane.task?.got === lane.startedAt;
    if (isFirst && (this.answerMs === 0 || answerMs < this.answerMs)) this.answerMs = answerMs;
  }

  get isIdle(): boolean {
    return [...this.lanes].every((lane) => lane.task === null);
  }

  /** Dockets that it was asked for and has not brought. */
  get left(): number {
    const tasks = [...this.lanes].flatMap(({ task }) => task ?? []);
    return tasks.reduce((sum, task) => sum + task.to - task.got, 0);
  }

  /** Whether it still needs a while for them, as seen over the road. */
  get isBusy(): boolean {
    return this.rate !== null && this.left / this.rate > leadMs + 2 * this.answerMs;
  }

  /** Dockets a ms that can still be expected: a silence longer than a page takes makes it less. */
  speedAt(nowMs: number, middling: number): number {
    const rate = this.rate ?? middling;
    const expectedMs = this.#pageMost / rate + leadMs + this.answerMs;
    return rate * Math.min(1, expectedMs / Math.max(1, nowMs - this.#sinceMs));
  }
}

export function newLane(supply: Supply, nowMs: number): Lane {
  return {
    supply,
    task: null,
    startedMs: nowMs,
    startedAt: 0,
    lastMs: nowMs,
    restsUntilMs: 0,
    overtaken: 0,
  };
}
