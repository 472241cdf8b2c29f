import { present } from "../base/assert.ts";
import type { Head, VerifiedStart } from "../dockets/types.ts";
import { systemClock } from "../runtime/clock.ts";
import { inTransaction } from "../store/transaction.ts";
import { withoutAppends } from "./append.ts";
import { moveCheckpoint } from "./checkpoints-table.ts";
import type { DocketPart } from "./docket-rows.ts";
import { insertDockets } from "./dockets-table.ts";
import { publish } from "./feed.ts";
import { registerOf, setHead } from "./heads.ts";
import { eventOf, firstRow, versionsFrom, withPage } from "./register-progress.ts";
import { insertRegister, type RegisterRow } from "./registers-table.ts";
import { insertTransactions } from "./transactions-table.ts";

export interface StartOptions {
  sourcePeerId?: string;
  /**
   * Version of the first transaction of the head page, or of the policy chain's last docket where
   * there is no head page. A hint of the source's, never proven; left out, the head page's own is
   * taken.
   */
  firstVersion?: number;
}

/**
 * Stores the beginning of a register without its past, in one transaction: the policy chain, and
 * the head if it is not part of that. `moved` when something is held of the register already:
 * nothing was written. Whether the parts belong together was decided by `startAt` of
 * dockets/join.ts.
 */
export function appendStart(
  start: VerifiedStart,
  options: StartOptions = {},
): Promise<Head | "moved"> {
  const { registerId } = start.policyChain;
  return withoutAppends(registerId, async () => {
    if (registerOf(registerId) !== null) return "moved";
    const hint = options.firstVersion ?? start.head?.firstVersion ?? 1;
    const parts = partsOf(start, Math.max(1, hint));
    const row = rowOf(start, parts);
    const isStored = await inTransaction(async (transaction) => {
      if (!(await insertRegister(transaction, row))) return false;
      await insertDockets(transaction, parts);
      const pages = parts.map(({ page }) => page);
      await insertTransactions(transaction, pages);
      await moveCheckpoint(transaction, {
        registerId,
        number: row.headNumber,
        hash: row.headHash,
        sourcePeerId: options.sourcePeerId ?? null,
        movedAtMs: row.createdAtMs,
      });
      return true;
    });
    if (!isStored) return "moved";
    setHead(row);
    for (const { page, firstVersions } of parts.slice(-1)) {
      // A policy chain is no unbroken run: it is read from the table.
      publish({ ...eventOf(page, present(firstVersions[0], "a version")), dockets: [] });
    }
    return { registerId, number: row.headNumber, hash: row.headHash };
  });
}

/** The pages with what is known of their dockets' versions. */
function partsOf({ policyChain, head }: VerifiedStart, firstVersion: number): DocketPart[] {
  const chainVersions: number[] = policyChain.dockets.map((docket) => Number(docket.number === 0));
  if (head !== null) {
    return [
      { page: policyChain, firstVersions: chainVersions },
      { page: head, firstVersions: versionsFrom(firstVersion, head.dockets) },
    ];
  }
  if (chainVersions.length > 1) chainVersions[chainVersions.length - 1] = firstVersion;
  return [{ page: policyChain, firstVersions: chainVersions }];
}

function rowOf({ policyChain, head }: VerifiedStart, parts: DocketPart[]): RegisterRow {
  const genesis = present(policyChain.dockets[0], "a policy chain's genesis docket");
  const chainRow = firstRow(policyChain, {
    genesisHash: genesis.hash,
    isOrigin: false,
    firstVersion: 1,
    nowMs: systemClock.nowMs(),
  });
  const row = head === null ? chainRow : withPage(head, chainRow);
  const dockets = parts.flatMap((part) => part.page.dockets);
  const newest = present(dockets.at(-1), "a newest docket");
  const newestVersion = present(parts.at(-1)?.firstVersions.at(-1), "the newest docket's version");
  return {
    ...row,
    firstNumber: firstOfRun(dockets.map((docket) => docket.number)),
    latestVersion: newestVersion + newest.transactionCount - 1,
  };
}

/** The lowest of the consecutive numbers that the list ends with. */
function firstOfRun(numbers: number[]): number {
  let at = numbers.length - 1;
  while (at > 0 && numbers[at - 1] === (numbers[at] as number) - 1) at -= 1;
  return present(numbers[at], "a number");
}
