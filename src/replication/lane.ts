/** A range that is under way. */
export interface Task {
  from: number;
  /** Behind the last one. */
  to: number;
  /** The first docket that has not arrived. */
  got: number;
}

/** One request at a time to one source, and what is known of its speed. */
export interface Lane {
  sourceId: string;
  /** The newest docket it may have, as far as we know. */
  headNumber: number;
  task: Task | null;
  /** Dockets a ms, over its last ranges; null before the first. */
  rate: number | null;
  startedMs: number;
  startedAt: number;
  lastMs: number;
  lastCount: number;
  /** Was overtaken on its own range: gets nothing new until then. */
  restsUntilMs: number;
  overtaken: number;
}

/** A source is asked for its next range when it needs no longer than this for the last one. */
const leadMs = 250;

export function newLane(options: { sourceId: string; headNumber: number; nowMs: number }): Lane {
  const { sourceId, headNumber, nowMs } = options;
  return {
    sourceId,
    headNumber,
    task: null,
    rate: null,
    startedMs: nowMs,
    startedAt: 0,
    lastMs: nowMs,
    lastCount: 1,
    restsUntilMs: 0,
    overtaken: 0,
  };
}

/** Whether a lane will still need a while for what it was asked. */
export function isBusy({ task, rate }: Lane): boolean {
  return task !== null && rate !== null && (task.to - task.got) / rate > leadMs;
}

/** Dockets a ms that can still be expected of a lane: silence makes it less. */
export function speedOf(lane: Lane, nowMs: number): number {
  const recent = lane.lastCount / Math.max(1, nowMs - lane.lastMs);
  return Math.min(lane.rate ?? 1, recent);
}
