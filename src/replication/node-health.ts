/**
 * Watches how this node is: looks every few seconds at its database, disk, clock and sources, and
 * says in the log and the event log when something becomes amber or is well again. Owns the last
 * looks. `node.ts` opens it; REST, metrics and heartbeats ask. It changes nothing.
 */
import { messageOf } from "../base/error.ts";
import { sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import type { HeartbeatOptions } from "../peers/heartbeat.ts";
import * as network from "../peers/network.ts";
import { listDamaged } from "../registers/damage.ts";
import { trimEvents } from "../registers/events-table.ts";
import { listRegisters } from "../registers/heads.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { diskUsagePercent, loopDelays, readVitals } from "../runtime/vitals.ts";
import { ping, sql } from "../store/sql.ts";
import type { TrustStatus } from "../trust/trust.ts";
import { type Amber, judgeDamage, judgeHealth } from "./ambers.ts";
import { keepNodeEvent } from "./peer-events.ts";
import { listSubscriptions } from "./subscriptions.ts";

interface Watch {
  options: { dataDir: string; clock: Clock; trustStatus: () => TrustStatus };
  databaseMs: number[];
  ambers: Amber[];
  /** Of each followed register, since this node started. */
  mostSources: Map<string, number>;
  stop: () => Promise<void>;
}

const log = logFor("health");
/** Looks at the database whose median counts. */
const looksKept = 5;
/** Looks between two times that the event log is cut to its bounds. */
const trimLooks = 6;
let looks = 0;
let watch: Watch | null = null;

export function open(options: Watch["options"]): void {
  const { clock } = options;
  loopDelays();
  const looking = every(limits.healthLookMs, { clock, tick: look });
  watch = { options, databaseMs: [], ambers: [], mostSources: new Map(), stop: looking.stop };
  looking.now();
}

export async function close(): Promise<void> {
  await watch?.stop();
  watch = null;
}

/** What is amber: damage as it is known now, all else as of the last look. */
export function ambers(): readonly Amber[] {
  if (watch === null) return [];
  const looked = watch.ambers.filter(({ code }) => code !== "audit-found-damage");
  return [...looked, ...judgeDamage(listDamaged().length)];
}

/** How long the database took for the last look, ms; null: it did not answer, or nobody looked. */
export function databaseMs(): number | null {
  return watch?.databaseMs.at(-1) ?? null;
}

/** How this node is, as its heartbeats tell it. */
export function healthMetrics(dataDir: string): ReturnType<HeartbeatOptions["metrics"]> {
  const vitals = readVitals();
  const followed = listSubscriptions().filter((one) => one.pausedAt === null);
  const syncs = followed.filter((one) => one.syncState === "Syncing");
  return {
    activeConnections: network.gate().connectionCount() + channels().count(),
    cpuUsagePercent: vitals.cpuPercent,
    memoryUsageMb: vitals.memoryMb,
    diskUsagePercent: diskUsagePercent(dataDir),
    uptimeSeconds: vitals.uptimeSeconds,
    registerCount: listRegisters().length,
    pendingSyncs: syncs.length,
    isSyncing: syncs.length > 0,
  };
}

async function look(): Promise<void> {
  if (watch === null) return;
  const { clock, dataDir, trustStatus } = watch.options;
  const startedMs = clock.monotonicMs();
  const isThere = await ping().then(
    () => true,
    () => false,
  );
  // One that is away is not slow: readiness says so.
  if (isThere) watch.databaseMs.push(clock.monotonicMs() - startedMs);
  else watch.databaseMs = [];
  watch.databaseMs = watch.databaseMs.slice(-looksKept);
  const judged = judgeHealth({
    databaseMs: watch.databaseMs,
    diskPercent: diskUsagePercent(dataDir),
    trust: trustStatus(),
    nowMs: clock.nowMs(),
    sources: countSources(watch.mostSources),
    clocksAheadMs: book()
      .connected()
      .flatMap((peer) => peer.clockAheadMs ?? []),
    loopStallMs: loopDelays().maxMs,
  });
  const found = [...judged, ...judgeDamage(listDamaged().length)];
  tellChanges(watch.ambers.filter(isWarning), found.filter(isWarning));
  if (isThere && looks++ % trimLooks === 0) await trimLog(clock.nowMs());
  watch.ambers = found;
}

function countSources(mostOf: Map<string, number>): { count: number; most: number }[] {
  const followed = listSubscriptions().filter((one) => one.pausedAt === null);
  const ids = new Set(followed.map(({ registerId }) => registerId));
  for (const registerId of mostOf.keys()) if (!ids.has(registerId)) mostOf.delete(registerId);
  return [...ids].map((registerId) => {
    const count = sourcesOf(registerId).length;
    const most = Math.max(count, mostOf.get(registerId) ?? 0);
    mostOf.set(registerId, most);
    return { count, most };
  });
}

async function trimLog(nowMs: number): Promise<void> {
  const { storedEvents: keep, storedMinorEvents: keepMinor, eventAgeMs } = limits;
  await trimEvents(sql(), { keep, keepMinor, beforeMs: nowMs - eventAgeMs }).catch((error) => {
    log.debug({ err: messageOf(error) }, "The event log was not cut");
  });
}

function isWarning({ level }: Amber): boolean {
  return level === "warning";
}

function tellChanges(before: readonly Amber[], now: readonly Amber[]): void {
  const isIn = (list: readonly Amber[], { code }: Amber) => list.some((one) => one.code === code);
  for (const amber of now.filter((one) => !isIn(before, one))) {
    log.warn({ code: amber.code, ...amber.facts }, amber.message);
    keep("node.degraded", amber);
  }
  for (const amber of before.filter((one) => !isIn(now, one))) {
    log.info({ code: amber.code }, "Well again");
    keep("node.recovered", { ...amber, message: `Well again: ${amber.code}` });
  }
}

function keep(type: string, { code, message, facts }: Amber): void {
  keepNodeEvent({ type, message, facts: { code, ...facts } });
}
