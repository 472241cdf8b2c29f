/**
 * The door beside `append.ts` for what an audit found damaged: a docket that is true by its seals
 * and has the hash that its neighbours demand takes the place of the damaged one, with all that is
 * derived from it. Called by `replication/repair.ts`. Never touches a docket that is not on the
 * list of the damaged ones.
 */
import { assert, present } from "../base/assert.ts";
import type { VerifiedPast } from "../dockets/types.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Sql } from "../store/database.ts";
import { sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import { moveCheckpoint, readCheckpoint } from "./checkpoints-table.ts";
import { damageOf, mendDamage } from "./damage.ts";
import { deleteDockets, insertDockets, readUnchecked } from "./dockets-table.ts";
import { registerOf, setHead } from "./heads.ts";
import { versionsFrom } from "./register-progress.ts";
import { correctRegister, type RegisterRow, readRegisterRow } from "./registers-table.ts";
import { deleteTransactions, insertTransactions } from "./transactions-table.ts";

/** Puts the dockets where damaged ones lay, in one transaction. */
export function replaceDockets(past: VerifiedPast): Promise<void> {
  const { page } = past;
  const { registerId } = page;
  const run = {
    registerId,
    from: present(page.dockets[0], "a page's first docket").number,
    to: past.place.nextNumber - 1,
  };
  return withoutAppends(registerId, async () => {
    for (const { number } of page.dockets) {
      assert(isListed(registerId, number), `docket ${number} is one that was found damaged`);
    }
    const remember = await inTransaction(async (transaction) => {
      const firstVersion = await firstVersionOf(transaction, past);
      const firstVersions =
        firstVersion === null
          ? page.dockets.map((docket) => Number(docket.number === 0))
          : versionsFrom(firstVersion, page.dockets);
      await deleteTransactions(transaction, run);
      await deleteDockets(transaction, run);
      await insertDockets(transaction, [{ page, firstVersions }]);
      await insertTransactions(transaction, [page]);
      return mendDamage(transaction, run);
    });
    remember();
  });
}

/** Makes the register's row and its checkpoint say what its dockets do. */
export function correctRow(row: RegisterRow): Promise<void> {
  const { registerId } = row;
  return withoutAppends(registerId, async () => {
    const held = await readRegisterRow(sql(), registerId);
    // It moved since the audit looked: the next one decides.
    const isMoved = registerOf(registerId)?.headNumber !== held?.headNumber;
    if (held === null || (isMoved && held.headNumber > row.headNumber)) return;
    await inTransaction(async (transaction) => {
      await correctRegister(transaction, row);
      const checkpoint = await readCheckpoint(transaction, registerId);
      await moveCheckpoint(transaction, {
        registerId,
        number: row.headNumber,
        hash: row.headHash,
        sourcePeerId: checkpoint?.sourcePeerId ?? null,
        movedAtMs: checkpoint?.movedAtMs ?? systemClock.nowMs(),
      });
    });
    setHead(row);
  });
}

function isListed(registerId: string, number: number): boolean {
  return damageOf(registerId).some(
    ({ part, firstNumber, lastNumber }) =>
      part !== "register" && firstNumber <= number && number <= lastNumber,
  );
}

/** By the docket before the run, or by the one behind it; null where neither is known. */
async function firstVersionOf(sql: Sql, { page, place }: VerifiedPast): Promise<number | null> {
  const { registerId } = page;
  const from = present(page.dockets[0], "a page's first docket").number;
  if (from === 0) return 1;
  const at = (number: number) => ({ registerId, next: number, last: number, bytesMax: 1 });
  const [before] = await readUnchecked(sql, at(from - 1));
  if (before !== undefined && before.firstVersion > 0) {
    return before.firstVersion + before.transactionCount;
  }
  const [behind] = await readUnchecked(sql, at(place.nextNumber));
  const count = page.dockets.reduce((sum, docket) => sum + docket.transactionCount, 0);
  const firstVersion = (behind?.firstVersion ?? 0) - count;
  return firstVersion > 0 ? firstVersion : null;
}
