import { assert, present } from "../base/assert.ts";
import type { CheckedPage, DocketFacts, Policy } from "../dockets/types.ts";
import type { Committed } from "./feed.ts";
import type { RegisterRow } from "./registers-table.ts";

/** The row of a register that begins with this page: its genesis docket, or a follower's first. */
export function firstRow(
  page: CheckedPage,
  options: { genesisHash: string; isOrigin: boolean; firstVersion: number; nowMs: number },
): RegisterRow {
  const first = present(page.dockets[0], "a page's first docket");
  return withPage(page, {
    ...policyFacts(page.policyAfter),
    registerId: page.registerId,
    genesisHash: options.genesisHash,
    firstNumber: first.number,
    headNumber: first.number - 1,
    headHash: first.previousHash,
    headTimeMs: 0,
    latestVersion: options.firstVersion - 1,
    transactionCount: 0,
    bytes: 0,
    verification: "sealed",
    isOrigin: options.isOrigin,
    createdAtMs: options.nowMs,
  });
}

/** The row once the page is stored behind what the row tells of. */
export function withPage(page: CheckedPage, row: RegisterRow): RegisterRow {
  const last = lastDocket(page);
  const isSealed = page.dockets.every((docket) => docket.isSealed);
  return {
    ...row,
    ...policyFacts(page.policyAfter),
    headNumber: last.number,
    headHash: last.hash,
    headTimeMs: last.timeMs,
    latestVersion: row.latestVersion + page.transactions.count,
    transactionCount: row.transactionCount + page.transactions.count,
    bytes: row.bytes + page.dockets.reduce((sum, docket) => sum + docket.length, 0),
    verification: isSealed ? row.verification : "chain",
  };
}

/** What the feed is told of a page that was stored. `firstVersion` 0: unknown. */
export function eventOf(page: CheckedPage, firstVersion: number): Committed {
  const first = present(page.dockets[0], "a page's first docket");
  const last = lastDocket(page);
  const versions = versionsFrom(firstVersion, page.dockets);
  return {
    registerId: page.registerId,
    firstNumber: first.number,
    number: last.number,
    hash: last.hash,
    timeMs: last.timeMs,
    firstVersion,
    transactionCount: page.transactions.count,
    isControl: page.dockets.some((docket) => docket.isControl),
    dockets: page.dockets.map(({ number, offset, length, transactionCount }, index) => ({
      number,
      bundle: page.bytes.subarray(offset, offset + length),
      firstVersion: firstVersion === 0 ? 0 : present(versions[index], "a docket's version"),
      transactionCount,
    })),
  };
}

/** The version of each docket's first transaction, the first docket's being `firstVersion`. */
export function versionsFrom(firstVersion: number, dockets: readonly DocketFacts[]): number[] {
  let version = firstVersion;
  return dockets.map((docket) => {
    const first = version;
    version += docket.transactionCount;
    return first;
  });
}

export function lastDocket(page: CheckedPage): DocketFacts {
  const last = page.dockets.at(-1);
  assert(last !== undefined, "a page holds a docket");
  return last;
}

/** What a register's row repeats of its policy. */
export function policyFacts(policy: Policy) {
  const { name, description, isPublic } = policy;
  return { policy, name, description, isPublic };
}
