/**
 * Owns the registers that are being deleted. A purge marks the register first, and from then on it
 * is gone for everyone; its rows go in the background, one register at a time and a batch a
 * transaction. What a stopped node left is taken up when it opens again. Called by
 * `replication/subscriptions.ts`. Evidence against a register's validators stays.
 */
import { assert } from "../base/assert.ts";
import { messageOf } from "../base/error.ts";
import { orAbort } from "../base/signal.ts";
import { systemClock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import type { Transaction } from "../store/database.ts";
import { health, sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import { deleteAudit } from "./audits-table.ts";
import { deleteCheckpoint } from "./checkpoints-table.ts";
import { forgetDamage } from "./damage.ts";
import { deleteDockets, findEnds } from "./dockets-table.ts";
import { endFollowers } from "./feed.ts";
import { forgetRegister } from "./heads.ts";
import { hotCache } from "./hot-cache.ts";
import { deleteRegister, listPurging, markPurging } from "./registers-table.ts";
import { makeRoom } from "./room.ts";
import { deleteTransactions, indexTransactionsByDocket } from "./transactions-table.ts";

interface Purge {
  ended: Promise<void>;
  end: () => void;
}

const purges = new Map<string, Purge>();
const log = logFor("purge");
let stopping: AbortController | null = null;
let working: Promise<void> = Promise.resolve();

/** Takes up what an earlier run of this node didn't get to the end of. Gives `close`. */
export async function open(): Promise<typeof close> {
  assert(stopping === null, "purges are opened once");
  stopping = new AbortController();
  for (const registerId of await listPurging(sql())) enqueue(registerId);
  return close;
}

/** Waits for the batch that is being deleted; the rest is for the next start. */
export async function close(): Promise<void> {
  stopping?.abort();
  stopping = null;
  await working;
  purges.clear();
}

/**
 * Marks the register, together with `alsoIn`, and returns: it is gone for everyone, and its rows
 * go from now on. Also deletes rows of a register that has lost its own.
 */
export async function purgeRegister(
  registerId: string,
  options: { alsoIn?: (transaction: Transaction) => Promise<unknown> } = {},
): Promise<void> {
  await withoutAppends(registerId, async () => {
    await inTransaction(async (transaction) => {
      await markPurging(transaction, registerId);
      await options.alsoIn?.(transaction);
    });
    forgetRegister(registerId);
    hotCache()?.drop(registerId);
    endFollowers(registerId);
  });
  enqueue(registerId);
}

export function isPurging(registerId: string): boolean {
  return purges.has(registerId);
}

/** Resolves when nothing of the register is being deleted. Never, where this node stops before. */
export async function whenPurged(registerId: string): Promise<void> {
  await purges.get(registerId)?.ended;
}

function enqueue(registerId: string): void {
  const { signal } = opened();
  if (purges.has(registerId)) return;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  purges.set(registerId, { ended, end });
  working = working.then(() => deleteRegisterRows(registerId, signal));
}

/** Tries until it is done or the node stops: a database that is away comes back. */
async function deleteRegisterRows(registerId: string, signal: AbortSignal): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  while (!signal.aborted) {
    try {
      if (!(await deleteRows(registerId, signal))) return;
      const tookMs = Math.round(systemClock.monotonicMs() - startedMs);
      log.info({ registerId, tookMs }, "Deleted all that was held of a register");
      purges.get(registerId)?.end();
      purges.delete(registerId);
      return;
    } catch (error) {
      log.warn({ registerId, err: messageOf(error) }, "A purge waits");
      await systemClock.sleep(retryMs, signal).catch(() => undefined);
      if (!signal.aborted) await orAbort(health().whenWell(), signal).catch(() => undefined);
    }
  }
}

const retryMs = 1_000;
/** Dockets a transaction: it ends soon, so that others get their turn in between. */
const docketsAtOnce = 200;

/** False when the signal aborted before the end. */
async function deleteRows(registerId: string, signal: AbortSignal): Promise<boolean> {
  await indexTransactionsByDocket(sql());
  for (;;) {
    const from = (await findEnds(sql(), { registerId }))?.lowest;
    if (signal.aborted) return false;
    if (from === undefined) break;
    const run = { registerId, from, to: from + docketsAtOnce - 1 };
    await inTransaction(async (transaction) => {
      await deleteTransactions(transaction, run);
      await deleteDockets(transaction, run);
    });
  }
  await makeRoom();
  await inTransaction(async (transaction) => {
    await deleteCheckpoint(transaction, registerId);
    await deleteAudit(transaction, registerId);
    await forgetDamage(transaction, registerId);
    await deleteRegister(transaction, registerId);
  });
  return true;
}

function opened(): AbortController {
  assert(stopping !== null, "purges are open");
  return stopping;
}
