/**
 * Looks after what is stored: audits and repairs that are asked for, one a register at a time, and
 * in the background an audit of each register every so often, the one that was looked at longest
 * ago first. Owns the running jobs and what the last ones said. Opened by `node.ts`; REST asks it.
 * It never decides what is true, and writes nothing: that is the audit's and the door's.
 */
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { type AuditRow, listAudits } from "../registers/audits-table.ts";
import { damageOf } from "../registers/damage.ts";
import type { Damage } from "../registers/damage-table.ts";
import { appendEvent } from "../registers/events-table.ts";
import { listRegisters, registerOf } from "../registers/heads.ts";
import type { Retention } from "../registers/subscriptions-table.ts";
import { every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import { startRetention } from "./retention.ts";
import { listSubscriptions } from "./subscriptions.ts";
import { type JobOptions, UpkeepJob, type UpkeepWork } from "./upkeep-job.ts";

export interface UpkeepOptions
  extends Pick<JobOptions, "checkStored" | "report" | "clock" | "dice"> {
  /** Each register is audited once in this time, in the background; 0: never by itself. */
  auditMs: number;
  /** What a background audit reads at most, bytes a second. */
  auditBytesPerSecond: number;
  /** A register is being caught up: an audit in the background waits. */
  isCatchingUp: () => boolean;
  stationsOf: (registerId: string, genesisHash: string) => JobOptions["stations"];
}

/** What an operator sees of a register's upkeep. Times are unix ms. */
export interface UpkeepStatus {
  registerId: string;
  work: UpkeepWork | null;
  state: "never" | UpkeepJob["state"];
  startedAtMs: number | null;
  docketsDone: number;
  docketsTotal: number;
  transactionsDone: number;
  repairedDockets: number;
  lostDockets: number;
  message: string | null;
  lastAudit: AuditRow | null;
  damage: readonly Damage[];
}

const log = logFor("upkeep");
const jobs = new Map<string, UpkeepJob>();
const audits = new Map<string, AuditRow>();
let opened: UpkeepOptions | null = null;
let background: { registerId: string; job: UpkeepJob } | null = null;
let ticking: { stop: () => Promise<void> } | null = null;
let pruning: { stop: () => Promise<void> } | null = null;

export async function open(options: UpkeepOptions): Promise<void> {
  assert(opened === null, "upkeep is opened once");
  opened = options;
  for (const row of await listAudits(sql())) audits.set(row.registerId, row);
  pruning = startRetention({ clock: options.clock, list: listSubscriptions, isBusy });
  if (options.auditMs === 0) return;
  const periodMs = Math.min(lookEveryMs, options.auditMs);
  ticking = every(periodMs, { clock: options.clock, tick: auditDue });
}

export async function close(): Promise<void> {
  const running = [...jobs.values()];
  await Promise.all([ticking?.stop(), pruning?.stop(), ...running.map((job) => job.stop())]);
  pruning = null;
  jobs.clear();
  audits.clear();
  ticking = null;
  background = null;
  opened = null;
}

/** Starts it, and gives how it stands; where that is running already, how that stands. */
export async function begin(registerId: string, work: UpkeepWork): Promise<UpkeepStatus> {
  requireHeld(registerId);
  const running = jobs.get(registerId);
  if (running?.state === "running") {
    const isSame = running.options.work === work && background?.job !== running;
    if (isSame) return statusOf(registerId);
    if (background?.job !== running) throw busyError(registerId, running.options.work);
    await running.stop();
  }
  const busy = [...jobs.values()].filter((job) => job.state === "running").length;
  if (busy >= limits.upkeepJobs) {
    throw new PeerError("exhausted", "upkeep-busy", {
      message: `This node looks after ${busy} registers at present, which is its limit`,
    });
  }
  startJob(registerId, { work, pace: () => Promise.resolve() });
  return statusOf(registerId);
}

export function statusOf(registerId: string): UpkeepStatus {
  const job = jobs.get(registerId);
  return {
    registerId,
    work: job?.options.work ?? null,
    state: job?.state ?? "never",
    startedAtMs: job?.startedAtMs ?? null,
    docketsDone: job?.docketsDone ?? 0,
    docketsTotal: job?.docketsTotal ?? 0,
    transactionsDone: job?.transactionsDone ?? 0,
    repairedDockets: job?.repairedDockets ?? 0,
    lostDockets: job?.lostDockets ?? 0,
    message: job?.message ?? null,
    lastAudit: audits.get(registerId) ?? null,
    damage: damageOf(registerId),
  };
}

/** Stops what runs over a register that goes away. */
export async function forget(registerId: string): Promise<void> {
  await jobs.get(registerId)?.stop();
  jobs.delete(registerId);
  audits.delete(registerId);
}

/** What followers keep by the node's settings. */
export function defaultRetention(config: { keepDockets: number; keepDays: number }): Retention {
  return { keepDockets: config.keepDockets || null, keepDays: config.keepDays || null };
}

function isBusy(registerId: string): boolean {
  return jobs.get(registerId)?.state === "running";
}

/** How often it is looked whether an audit is due. */
const lookEveryMs = 60_000;

function startJob(
  registerId: string,
  how: { work: UpkeepWork; pace: JobOptions["pace"] },
): UpkeepJob {
  const { checkStored, report, clock, dice, stationsOf } = given();
  const { genesisHash } = requireHeld(registerId);
  const job = new UpkeepJob({
    registerId,
    ...how,
    checkStored,
    report,
    clock,
    dice,
    stations: stationsOf(registerId, genesisHash),
    tell: (happening) => {
      const event = { ...happening, registerId, atMs: clock.nowMs() };
      appendEvent(sql(), event).catch((error) =>
        log.debug({ err: messageOf(error) }, "Event not stored"),
      );
    },
    onAudited: (row) => audits.set(registerId, row),
  });
  jobs.set(registerId, job);
  return job;
}

/** Audits the register that is due longest, and mends what is found. */
async function auditDue(signal: AbortSignal): Promise<void> {
  const registerId = dueRegister();
  if (registerId === null) return;
  for (const work of ["audit", "repair"] as const) {
    if (isBusy(registerId) || registerOf(registerId) === null) return;
    const job = startJob(registerId, { work, pace: yieldToOthers });
    background = { registerId, job };
    await job.ended;
    background = null;
    if (signal.aborted || damageOf(registerId).length === 0) return;
  }
}

/** What came here was verified then: a register that was never audited counts from its arrival. */
function dueRegister(): string | null {
  const { clock, auditMs } = given();
  const dueMs = clock.nowMs() - auditMs;
  const due = listRegisters()
    .map(({ registerId, createdAtMs }) => ({
      registerId,
      lookedAtMs: audits.get(registerId)?.finishedAtMs ?? createdAtMs,
    }))
    .filter(({ lookedAtMs }) => lookedAtMs <= dueMs)
    .sort((left, right) => left.lookedAtMs - right.lookedAtMs);
  return due[0]?.registerId ?? null;
}

/** In the background: no faster than allowed, and not while a register is being caught up. */
async function yieldToOthers(bytes: number, signal: AbortSignal): Promise<void> {
  const { clock, auditBytesPerSecond, isCatchingUp } = given();
  await clock.sleep((1_000 * bytes) / auditBytesPerSecond, signal);
  while (isCatchingUp()) await clock.sleep(yieldMs, signal);
}

const yieldMs = 250;

function requireHeld(registerId: string) {
  const register = registerOf(registerId);
  if (register !== null) return register;
  throw new PeerError("not-found", "unknown-register", {
    message: `This node holds nothing of register ${registerId}`,
  });
}

function busyError(registerId: string, work: UpkeepWork): PeerError {
  return new PeerError("conflict", "upkeep-running", {
    message: `A running ${work} of register ${registerId} must end first`,
  });
}

function given(): UpkeepOptions {
  assert(opened !== null, "upkeep is open");
  return opened;
}
