import { isEmbedded, sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import { deleteAudit } from "./audits-table.ts";
import { deleteCheckpoint } from "./checkpoints-table.ts";
import { forgetDamage } from "./damage.ts";
import { deleteDockets, findEnds, vacuumDockets } from "./dockets-table.ts";
import { endFollowers } from "./feed.ts";
import { forgetRegister } from "./heads.ts";
import { hotCache } from "./hot-cache.ts";
import { deleteRegister, listPurging, markPurging } from "./registers-table.ts";
import {
  deleteTransactions,
  indexTransactionsByDocket,
  vacuumTransactions,
} from "./transactions-table.ts";

/** Dockets a transaction: it ends soon, so that others get their turn in between. */
const docketsAtOnce = 200;

/**
 * Deletes everything that is held of a register but evidence against its validators. The register
 * is gone for everyone at once; its rows go in chunks. A node that stops in between goes on at its
 * next start (`finishPurges`). Nothing is held of it: nothing happens.
 */
export async function purgeRegister(registerId: string): Promise<void> {
  await withoutAppends(registerId, async () => {
    await markPurging(sql(), registerId);
    forgetRegister(registerId);
    hotCache()?.drop(registerId);
    endFollowers(registerId);
    await deleteRows(registerId);
  });
}

/** Takes up the purges that an earlier run of this node didn't get to the end of. */
export async function finishPurges(): Promise<void> {
  for (const registerId of await listPurging(sql())) await purgeRegister(registerId);
}

async function deleteRows(registerId: string): Promise<void> {
  await indexTransactionsByDocket(sql());
  for (;;) {
    const from = (await findEnds(sql(), { registerId }))?.lowest;
    if (from === undefined) break;
    const run = { registerId, from, to: from + docketsAtOnce - 1 };
    await inTransaction(async (transaction) => {
      await deleteTransactions(transaction, run);
      await deleteDockets(transaction, run);
    });
  }
  await inTransaction(async (transaction) => {
    await deleteCheckpoint(transaction, registerId);
    await deleteAudit(transaction, registerId);
    await forgetDamage(transaction, registerId);
    await deleteRegister(transaction, registerId);
  });
  if (!isEmbedded()) return;
  await vacuumTransactions(sql());
  await vacuumDockets(sql());
}
