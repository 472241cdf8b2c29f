/**
 * Owns what is known to be damaged in the store, in memory beside its table: readers ask here
 * before every read, so that wrong bytes are never handed out. Loaded when opened; set by an audit,
 * mended by `repair.ts`, forgotten by `purge.ts`. It never looks for damage itself.
 */
import { PeerError } from "../base/error.ts";
import type { Transaction } from "../store/database.ts";
import { sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { type Damage, listDamage, replaceDamage } from "./damage-table.ts";
import { hotCache } from "./hot-cache.ts";

const known = new Map<string, readonly Damage[]>();

export async function open(): Promise<void> {
  for (const { registerId, ...damage } of await listDamage(sql())) {
    known.set(registerId, [...damageOf(registerId), damage]);
  }
}

export function close(): void {
  known.clear();
}

/** Ascending by docket number. */
export function damageOf(registerId: string): readonly Damage[] {
  return known.get(registerId) ?? [];
}

/** Registers of which something is damaged. */
export function listDamaged(): string[] {
  return [...known.keys()].sort();
}

/** What an audit of the whole register found. */
export async function setDamage(registerId: string, damage: readonly Damage[]): Promise<void> {
  const ordered = damage.toSorted((left, right) => left.firstNumber - right.firstNumber);
  await inTransaction((transaction) => replaceDamage(transaction, { registerId, damage: ordered }));
  remember(registerId, ordered);
}

/**
 * Takes the dockets `from` to `to` off the list, in the transaction that makes them whole. Call
 * what it gives once that is committed.
 */
export async function mendDamage(
  transaction: Transaction,
  run: { registerId: string; from: number; to: number },
): Promise<() => void> {
  const damage = damageOf(run.registerId).flatMap((one) =>
    one.part === "register" ? [one] : withoutRun(one, run),
  );
  await replaceDamage(transaction, { registerId: run.registerId, damage });
  return () => remember(run.registerId, damage);
}

/** In the transaction in which the register goes. */
export async function forgetDamage(transaction: Transaction, registerId: string): Promise<void> {
  await replaceDamage(transaction, { registerId, damage: [] });
  known.delete(registerId);
}

/** The lowest docket of the run whose documents are damaged, or null. */
export function damagedIn(registerId: string, run: { from: number; to: number }): number | null {
  for (const one of damageOf(registerId)) {
    if (one.part !== "bundle" || one.lastNumber < run.from || one.firstNumber > run.to) continue;
    return Math.max(one.firstNumber, run.from);
  }
  return null;
}

/** How many dockets of the run can be read; throws `docket-damaged` when its first is damaged. */
export function countWhole(registerId: string, run: { from: number; to: number }): number {
  const damaged = damagedIn(registerId, run);
  if (damaged === null) return run.to - run.from + 1;
  if (damaged > run.from) return damaged - run.from;
  throw damagedError(registerId, damaged);
}

/** The same of a read. A policy chain with a hole misleads: all of it can be read, or nothing. */
export function countReadable(range: {
  registerId: string;
  next: number;
  countMax: number;
  controlOnly?: boolean;
}): number {
  const { registerId, next, countMax } = range;
  if (!range.controlOnly) return countWhole(registerId, { from: next, to: next + countMax - 1 });
  const damaged = damagedIn(registerId, { from: next, to: Number.MAX_SAFE_INTEGER });
  if (damaged !== null) throw damagedError(registerId, damaged);
  return countMax;
}

/**
 * An honest refusal on every way out: peers that ask are told to come back later, and blame nobody.
 */
export function damagedError(registerId: string, number: number): PeerError {
  return new PeerError("unavailable", "docket-damaged", {
    message: `Docket ${number} of register ${registerId} was found damaged here; repair brings it back`,
    facts: { registerId, docketNumber: number, refusal: "BUSY", retryAfterMs: 60_000 },
  });
}

function remember(registerId: string, damage: readonly Damage[]): void {
  // What was read before it was known may be what is damaged.
  hotCache()?.drop(registerId);
  if (damage.length === 0) known.delete(registerId);
  else known.set(registerId, damage);
}

/** What is left of a damaged run when a part of it is whole again. */
function withoutRun(damage: Damage, run: { from: number; to: number }): Damage[] {
  const { firstNumber, lastNumber } = damage;
  if (lastNumber < run.from || firstNumber > run.to) return [damage];
  const left: Damage[] = [];
  if (firstNumber < run.from) left.push({ ...damage, lastNumber: run.from - 1 });
  if (lastNumber > run.to) left.push({ ...damage, firstNumber: run.to + 1 });
  return left;
}
