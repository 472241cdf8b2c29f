/**
 * Lets followers forget the past that their operators don't want kept: looks every so often at each
 * subscription that has a bound, and has `registers/prune.ts` delete in batches. Stands aside while
 * a register is audited or repaired, which reads all of it.
 */
import { messageOf } from "../base/error.ts";
import { registerOf } from "../registers/heads.ts";
import { pruneSome } from "../registers/prune.ts";
import { makeRoom } from "../registers/room.ts";
import type { Retention } from "../registers/subscriptions-table.ts";
import { indexTransactionsByDocket } from "../registers/transactions-table.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { SubscribeRequest } from "./subscribing.ts";

export const keepsAll: Retention = { keepDockets: null, keepDays: null };

/** What a new subscription keeps: a later change of the settings is for later subscriptions. */
export function retentionFor(request: SubscribeRequest, byDefault: Retention): Retention {
  if (request.mode !== "ForwardOnly") return keepsAll;
  return request.retention === undefined ? byDefault : { ...keepsAll, ...request.retention };
}

/** Null: everything is kept. */
export function retentionOf({ keepDockets, keepDays }: Retention): Retention | null {
  return keepDockets === null && keepDays === null ? null : { keepDockets, keepDays };
}

export interface RetentionOptions {
  clock: Clock;
  /** The subscriptions that run. */
  list: () => { registerId: string; retention: Retention | null; pausedAt: string | null }[];
  /** Somebody reads all of the register. */
  isBusy: (registerId: string) => boolean;
}

const log = logFor("retention");

export function startRetention(options: RetentionOptions): { stop: () => Promise<void> } {
  const tick = (signal: AbortSignal) => pruneAll(options, signal);
  return every(limits.pruneLookMs, { clock: options.clock, tick });
}

/** Once through all registers. Exported for tests. */
export async function pruneAll(options: RetentionOptions, signal: AbortSignal): Promise<void> {
  for (const { registerId, retention, pausedAt } of options.list()) {
    if (signal.aborted) return;
    if (retention === null || pausedAt !== null) continue;
    try {
      await prune(registerId, { ...options, retention, signal });
    } catch (error) {
      log.warn({ registerId, err: messageOf(error) }, "What should go of a register stays for now");
    }
  }
}

async function prune(
  registerId: string,
  options: RetentionOptions & { retention: Retention; signal: AbortSignal },
): Promise<void> {
  const { keepDockets, keepDays } = options.retention;
  const beforeMs = keepDays === null ? null : options.clock.nowMs() - keepDays * dayMs;
  const bounds = { keepDockets, beforeMs, mayGo: () => !options.isBusy(registerId) };
  let count = 0;
  for (let gone = 1; gone > 0 && !options.signal.aborted; count += gone) {
    gone = await pruneSome(registerId, bounds);
    // More than a batch: it is worth knowing where its rows lie.
    if (count === 0 && gone > 0) await indexTransactionsByDocket(sql());
  }
  if (count === 0) return;
  const firstDocket = registerOf(registerId)?.firstNumber;
  log.info({ registerId, count, firstDocket }, "Let go of a register's oldest dockets");
  if (count >= limits.pruneVacuumDockets) await makeRoom();
}

const dayMs = 86_400_000;
