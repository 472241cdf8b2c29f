/**
 * How far a peer can be relied on, 0–100: 60 for answering, 25 for answering fast, 15 for having
 * proven who it is. Pure: a score is a value, every report gives a new one.
 */
export interface Score {
  /** Share of calls that went well, 0..1, where recent calls weigh more. */
  readonly success: number;
  /** Moving average of round trips, ms; null before the first. */
  readonly latencyMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyMaxMs: number | null;
  readonly succeeded: number;
  readonly failed: number;
  readonly isAuthenticated: boolean;
  readonly updatedAtMs: number;
}

/** A newcomer is neither trusted nor shunned. */
export function newScore(nowMs: number): Score {
  return {
    success: 0.5,
    latencyMs: null,
    latencyMinMs: null,
    latencyMaxMs: null,
    succeeded: 0,
    failed: 0,
    isAuthenticated: false,
    updatedAtMs: nowMs,
  };
}

/** One call moves the success share by this much of the way. */
const stepPerCall = 0.1;
/** Without any call for this long, half of what was known is forgotten. */
const halfLifeMs = 6 * 3_600_000;
/** At this round trip a peer gets half of the points for latency. */
const middlingLatencyMs = 150;

export function withSuccess(score: Score, report: { latencyMs?: number; nowMs: number }): Score {
  const faded = fade(score, report.nowMs);
  const latencyMs = report.latencyMs;
  return {
    ...faded,
    success: faded.success + (1 - faded.success) * stepPerCall,
    succeeded: faded.succeeded + 1,
    ...(latencyMs === undefined ? {} : latencyFacts(faded, latencyMs)),
  };
}

/** `weight` 1 is one failed call; a proven lie weighs more. */
export function withFailure(score: Score, report: { weight?: number; nowMs: number }): Score {
  const faded = fade(score, report.nowMs);
  const kept = (1 - stepPerCall) ** (report.weight ?? 1);
  return { ...faded, success: faded.success * kept, failed: faded.failed + 1 };
}

/** 0–100, rounded to one decimal. */
export function pointsOf(score: Score, nowMs: number): number {
  const faded = fade(score, nowMs);
  const latency =
    faded.latencyMs === null ? 0.5 : middlingLatencyMs / (middlingLatencyMs + faded.latencyMs);
  const points = 60 * faded.success + 25 * latency + (faded.isAuthenticated ? 15 : 0);
  return Math.round(points * 10) / 10;
}

export type Rating = "Excellent" | "Good" | "Fair" | "Poor" | "Very poor";

export function ratingOf(points: number): Rating {
  if (points >= 80) return "Excellent";
  if (points >= 60) return "Good";
  if (points >= 40) return "Fair";
  if (points >= 20) return "Poor";
  return "Very poor";
}

function fade(score: Score, nowMs: number): Score {
  const idleMs = Math.max(0, nowMs - score.updatedAtMs);
  const kept = 0.5 ** (idleMs / halfLifeMs);
  return { ...score, success: 0.5 + (score.success - 0.5) * kept, updatedAtMs: nowMs };
}

function latencyFacts(
  score: Score,
  latencyMs: number,
): Pick<Score, "latencyMs" | "latencyMinMs" | "latencyMaxMs"> {
  const average = score.latencyMs ?? latencyMs;
  return {
    latencyMs: average + (latencyMs - average) * 0.2,
    latencyMinMs: Math.min(score.latencyMinMs ?? latencyMs, latencyMs),
    latencyMaxMs: Math.max(score.latencyMaxMs ?? latencyMs, latencyMs),
  };
}
