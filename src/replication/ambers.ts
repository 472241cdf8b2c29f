import { limits } from "../runtime/limits.ts";
import type { TrustStatus } from "../trust/trust.ts";

/** Something that works and should be looked at, before it doesn't. */
export interface Amber {
  /** Stable: one of `amberCodes`. */
  code: AmberCode;
  /** A notice is worth knowing and nothing is wrong; a warning makes the node `degraded`. */
  level: "notice" | "warning";
  /** One sentence. */
  message: string;
  facts: Record<string, number | string>;
}

/** All there are, in the order in which they are told. */
export const amberCodes = [
  "slow-database",
  "disk-nearly-full",
  "certificate-expiring",
  "single-source",
  "clock-off",
  "event-loop-stalled",
  "audit-found-damage",
] as const;
export type AmberCode = (typeof amberCodes)[number];

/** What the node's health is judged by. */
export interface Signs {
  /** Times of the last looks at the database, ms. */
  databaseMs: readonly number[];
  diskPercent: number;
  trust: TrustStatus;
  nowMs: number;
  /** Subscribed registers: how many peers each could be had from, now and at the most. */
  sources: readonly { count: number; most: number }[];
  /** How far the clocks of connected peers are ahead of ours, ms. */
  clocksAheadMs: readonly number[];
  loopStallMs: number;
}

/** What is amber at present. Pure. */
export function judgeHealth(signs: Signs): Amber[] {
  const judged = [database, disk, certificate, sources, clock, eventLoop];
  return judged.flatMap((judge) => judge(signs) ?? []);
}

function database({ databaseMs }: Signs): Amber | null {
  const ms = Math.round(middleOf(databaseMs) ?? 0);
  if (ms <= limits.slowDatabaseMs) return null;
  const message = `The database takes ${ms} ms to answer the least of questions`;
  return { code: "slow-database", level: "warning", message, facts: { ms } };
}

function disk({ diskPercent: percent }: Signs): Amber | null {
  if (percent < limits.fullDiskPercent) return null;
  const message = `The disk of the data directory is ${percent} % full`;
  return { code: "disk-nearly-full", level: "warning", message, facts: { percent } };
}

function certificate({ trust, nowMs }: Signs): Amber | null {
  const { certificateExpiresAtMs: own, authorityExpiresAtMs: authority } = trust;
  const first = Math.min(own ?? Number.POSITIVE_INFINITY, authority ?? Number.POSITIVE_INFINITY);
  if (first - nowMs > limits.certificateMs) return null;
  const whose = first === own ? "This node's certificate" : "A trusted authority's certificate";
  const endsAt = new Date(first).toISOString();
  const message = `${whose} ${first <= nowMs ? "ended" : "ends"} at ${endsAt}`;
  return { code: "certificate-expiring", level: "warning", message, facts: { endsAt } };
}

/**
 * No names: whoever reads this may not know of every register. Where there never was more than one
 * source, as between two nodes, that is how the network was built; to lose one is a warning.
 */
function sources({ sources }: Signs): Amber | null {
  const few = sources.filter(({ count }) => count <= 1);
  const registers = few.length;
  const isLost = few.some(({ count, most }) => count === 0 || most > 1);
  const level = isLost ? "warning" : "notice";
  if (registers === 0) return null;
  const what =
    registers === 1 ? "1 subscribed register has" : `${registers} subscribed registers have`;
  const message = `${what} no more than one peer to be had from`;
  return { code: "single-source", level, message, facts: { registers } };
}

function clock({ clocksAheadMs }: Signs): Amber | null {
  const aheadMs = Math.round(middleOf(clocksAheadMs) ?? 0);
  if (Math.abs(aheadMs) <= limits.clockOffMs) return null;
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  const way = aheadMs > 0 ? "behind" : "ahead of";
  const peers = clocksAheadMs.length;
  const whom = peers === 1 ? "its one peer's" : `the middle one of ${peers} peers'`;
  const message = `This node's clock is ${seconds} s ${way} ${whom}`;
  return { code: "clock-off", level: "warning", message, facts: { aheadMs: -aheadMs, peers } };
}

function eventLoop({ loopStallMs }: Signs): Amber | null {
  const ms = Math.round(loopStallMs);
  if (ms <= limits.loopStallMs) return null;
  const message = `This process answered nothing for ${ms} ms within the last minute`;
  return { code: "event-loop-stalled", level: "warning", message, facts: { ms } };
}

/** What audits found and nothing has mended. No names, as above. Pure. */
export function judgeDamage(registers: number): Amber[] {
  if (registers === 0) return [];
  const what = registers === 1 ? "one register" : `${registers} registers`;
  const message = `An audit found damage in ${what}; the damaged dockets are not served`;
  return [{ code: "audit-found-damage", level: "warning", message, facts: { registers } }];
}

/** The upper one of two. */
function middleOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
