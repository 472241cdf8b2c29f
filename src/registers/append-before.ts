import { assert, present } from "../base/assert.ts";
import type { VerifiedPast } from "../dockets/types.ts";
import type { Transaction } from "../store/database.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import {
  deleteDockets,
  insertDockets,
  isChain,
  readUnchecked,
  renumberVersions,
  type UncheckedDocket,
} from "./dockets-table.ts";
import { registerOf, setHead } from "./heads.ts";
import { versionsFrom } from "./register-progress.ts";
import { moveFirst, type RegisterRow } from "./registers-table.ts";
import { deleteTransactions, insertTransactions } from "./transactions-table.ts";

/**
 * The door for history that comes from the newest to the oldest: stores a run right before the
 * unbroken run that is held, and moves `first_number` down to it, in one transaction. Gives the new
 * lowest number; `moved` when the held run does not begin where the page ends: nothing was written.
 */
export function appendBefore(past: VerifiedPast): Promise<number | "moved"> {
  const { registerId } = past.page;
  return withoutAppends(registerId, async () => {
    const held = registerOf(registerId);
    if (held === null || held.firstNumber !== past.place.nextNumber) return "moved";
    const row = await inTransaction((transaction) => write(transaction, past, held));
    if (row === null) return "moved";
    setHead(row);
    return row.firstNumber;
  });
}

async function write(
  transaction: Transaction,
  { page, place }: VerifiedPast,
  held: RegisterRow,
): Promise<RegisterRow | null> {
  const { registerId } = page;
  const first = present(page.dockets[0], "a page's first docket");
  const run = { registerId, from: first.number, to: place.nextNumber - 1 };
  // Those of the policy chain are there already; in the run they get the versions they lacked.
  const known = await readUnchecked(transaction, {
    registerId,
    next: run.from,
    last: run.to,
    bytesMax: Number.MAX_SAFE_INTEGER,
  });
  for (const { number, hash } of known) {
    assert(page.dockets[number - first.number]?.hash === hash, "a stored docket stays what it is");
  }
  const row = withPast(held, { page, place }, known);
  const firstVersion = await firstVersionOf(transaction, { page, place });
  const isCounted = run.from > 0 || firstVersion === 1;
  if (!isCounted) row.latestVersion = row.transactionCount;
  if (!(await moveFirst(transaction, { from: held.firstNumber, to: row }))) return null;
  await deleteTransactions(transaction, run);
  await deleteDockets(transaction, run);
  const firstVersions =
    firstVersion > 0 ? versionsFrom(firstVersion, page.dockets) : page.dockets.map(() => 0);
  await insertDockets(transaction, [{ page, firstVersions }]);
  await insertTransactions(transaction, [page]);
  // The source that the start came from told a wrong version; now all dockets are there to count.
  if (!isCounted) await renumberVersions(transaction, registerId);
  const chain = { ...run, to: place.nextNumber, previousHash: first.previousHash };
  assert(await isChain(transaction, chain), `dockets ${run.from} to ${chain.to} form a chain`);
  return row;
}

/** Below 1 where it is not known: a follower's start takes its version on trust. */
async function firstVersionOf(
  transaction: Transaction,
  { page, place }: Pick<VerifiedPast, "page" | "place">,
): Promise<number> {
  const { registerId } = page;
  const next = place.nextNumber;
  const [behind] = await readUnchecked(transaction, { registerId, next, last: next, bytesMax: 1 });
  const version = present(behind, "the docket behind the past").firstVersion;
  return version > 0 ? version - page.transactions.count : 0;
}

function withPast(
  held: RegisterRow,
  { page }: Pick<VerifiedPast, "page" | "place">,
  known: readonly UncheckedDocket[],
): RegisterRow {
  const knownTransactions = known.reduce((sum, docket) => sum + docket.transactionCount, 0);
  const knownBytes = known.reduce((sum, docket) => sum + docket.bundleBytes, 0);
  const bytes = page.dockets.reduce((sum, docket) => sum + docket.length, 0);
  const isSealed = page.dockets.every((docket) => docket.isSealed);
  return {
    ...held,
    firstNumber: present(page.dockets[0], "a page's first docket").number,
    transactionCount: held.transactionCount + page.transactions.count - knownTransactions,
    bytes: held.bytes + bytes - knownBytes,
    verification: isSealed ? held.verification : "chain",
  };
}
