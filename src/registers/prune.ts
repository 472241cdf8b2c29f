/**
 * Lets go of the oldest dockets that a follower holds. The dockets of the policy chain stay, from
 * the genesis docket on: whoever begins at the head here can still be shown whom to believe. Called
 * by `replication/retention.ts`. Never touches the head, a register that this node seals, or one in
 * which something is damaged below what would go: a damaged docket may be one that has to stay.
 */

import { sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import { damageOf } from "./damage.ts";
import { countOlder, deletePast, listControlNumbers } from "./dockets-table.ts";
import { registerOf, setHead } from "./heads.ts";
import { hotCache } from "./hot-cache.ts";
import { moveFirst, type RegisterRow } from "./registers-table.ts";
import { deleteTransactions } from "./transactions-table.ts";

export interface PruneOptions {
  /** The newest dockets that stay; null: no matter how many. */
  keepDockets: number | null;
  /** Unix ms: what is older goes; null: no matter how old. */
  beforeMs: number | null;
  /** Asked when nothing is being stored: false while somebody reads all of the register. */
  mayGo: () => boolean;
}

/** Dockets a transaction: it ends soon, so that others get their turn in between. */
const docketsAtOnce = 200;

/**
 * Deletes at most a batch of dockets and moves `first_number` up, in one transaction. Gives how
 * many dockets went below the register's first; 0 when there is nothing more to let go of.
 */
export function pruneSome(registerId: string, options: PruneOptions): Promise<number> {
  return withoutAppends(registerId, async () => {
    const held = registerOf(registerId);
    if (held === null || held.isOrigin || !options.mayGo()) return 0;
    const end = await endOf(held, options);
    if (end <= held.firstNumber) return 0;
    const row = await letGo(held, end);
    if (row === null) return 0;
    setHead(row);
    hotCache()?.dropBelow(registerId, row.firstNumber);
    return end - held.firstNumber;
  });
}

/** The first docket that stays, as far as one batch goes. */
async function endOf(held: RegisterRow, options: PruneOptions): Promise<number> {
  const { registerId, firstNumber: from, headNumber } = held;
  const damaged = damageOf(registerId).find(({ part }) => part !== "register");
  const batchEnd = Math.min(
    from + docketsAtOnce,
    headNumber,
    damaged?.firstNumber ?? Number.POSITIVE_INFINITY,
  );
  const { keepDockets, beforeMs } = options;
  const byCount = keepDockets === null ? from : headNumber - keepDockets + 1;
  if (beforeMs === null || byCount >= batchEnd) return Math.min(byCount, batchEnd);
  // Times ascend with numbers: the older ones are the first of the run.
  const older = await countOlder(sql(), { registerId, from, to: batchEnd - 1, beforeMs });
  return Math.min(Math.max(byCount, from + older), batchEnd);
}

function letGo(held: RegisterRow, end: number): Promise<RegisterRow | null> {
  const { registerId, firstNumber: from } = held;
  return inTransaction(async (transaction) => {
    const controls = await listControlNumbers(transaction, { registerId, end });
    for (const gap of gapsBetween(controls, { from, end })) {
      await deleteTransactions(transaction, { registerId, ...gap });
    }
    const gone = await deletePast(transaction, { registerId, from, to: end - 1 });
    const row = {
      ...held,
      firstNumber: end,
      transactionCount: held.transactionCount - gone.transactions,
      bytes: held.bytes - gone.bytes,
    };
    return (await moveFirst(transaction, { from, to: row })) ? row : null;
  });
}

/** The runs of a range that lie between dockets which stay. */
function gapsBetween(
  controls: readonly number[],
  range: { from: number; end: number },
): { from: number; to: number }[] {
  const gaps: { from: number; to: number }[] = [];
  let { from } = range;
  for (const control of [...controls.filter((number) => number >= range.from), range.end]) {
    if (control > from) gaps.push({ from, to: control - 1 });
    from = control + 1;
  }
  return gaps;
}
