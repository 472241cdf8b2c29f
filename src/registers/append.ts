/**
 * The door: the one way into the tables of registers. Owns the turns of the registers, so that
 * appends to one are stored, mirrored in `heads.ts` and told to `feed.ts` in the order of its
 * chain. Called by `replication/commit.ts`. Never looks into a document: that was done on the road.
 *
 * How a page is written was measured on both databases (`scripts/bench-store.ts`; the figures, and
 * what was tried beside, stand in docs/performance.md). Its dockets go by COPY in binary form, and
 * so do the places of its transactions, into an index on a narrow key. Pages that wait go in one
 * transaction, up to 4 MiB: the database stood idle for more than half of a catch-up that committed
 * page by page, waiting for round trips, and its work a row fell by a fifth. What is live comes a
 * docket at a time and goes to PostgreSQL as one statement (`append-small.ts`): 0.6 ms of processor
 * time here and 0.53 in the database for a docket of ten, against 0.94 and 0.8.
 */
import { assert, present } from "../base/assert.ts";
import { Mutex } from "../base/mutex.ts";
import type { Anchor, CheckedPage, Head, VerifiedPage } from "../dockets/types.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { handled } from "../runtime/memory.ts";
import type { Transaction } from "../store/database.ts";
import { isEmbedded, sql } from "../store/sql.ts";
import { inTransaction } from "../store/transaction.ts";
import { appendSmall } from "./append-small.ts";
import { type Checkpoint, moveCheckpoint } from "./checkpoints-table.ts";
import type { DocketPart } from "./docket-rows.ts";
import { insertDockets, isChain } from "./dockets-table.ts";
import { publish } from "./feed.ts";
import { forgetRegister, registerOf, setHead } from "./heads.ts";
import { hotCache } from "./hot-cache.ts";
import { eventOf, firstRow, versionsFrom, withPage } from "./register-progress.ts";
import { insertRegister, moveHead, type RegisterRow, readRegisterRow } from "./registers-table.ts";
import { insertTransactions } from "./transactions-table.ts";

export interface AppendOptions {
  /** The peer that the page came from; left out for what this node made or was handed. */
  sourcePeerId?: string;
  /** This node created the register. Looked at with the genesis docket only. */
  isOrigin?: boolean;
  /** Work that must become true together with the page, or not at all. */
  alsoIn?: (transaction: Transaction) => Promise<void>;
}

/** A page alone: see `appendPages`. */
export function appendPage(page: VerifiedPage, options?: AppendOptions): Promise<Head | "moved"> {
  return appendPages([page], options);
}

/**
 * Stores pages that follow each other, the register's new head and the checkpoint in one
 * transaction. `moved` when the head is not where the first page's anchor is: nothing was written.
 * The database checks numbers and previous hashes once more; a page that fails there is a defect of
 * ours, throws, and nothing is stored.
 */
export function appendPages(
  pages: readonly VerifiedPage[],
  options: AppendOptions = {},
): Promise<Head | "moved"> {
  const { anchor } = present(pages[0], "a page to store");
  const { registerId } = anchor;
  return turnsOf(registerId).run(async () => {
    const held = registerOf(registerId);
    const isAtAnchor = held === null ? anchor.nextNumber === 0 : isHead(held, anchor);
    if (!isAtAnchor) return "moved";
    const steps = stepsOf(pages, { held, isOrigin: options.isOrigin ?? false });
    const { row } = present(steps.at(-1), "a step");
    const from = held === null ? null : { number: held.headNumber, hash: held.headHash };
    const write = { anchor, steps, options };
    const isStored =
      from !== null && isForOneStatement(pages, options)
        ? await appendSmall({ ...partsOf(write), anchor, head: { from, to: row } })
        : await inTransaction(async (transaction) => {
            const isMoved =
              from === null
                ? await insertRegister(transaction, row)
                : await moveHead(transaction, { from, to: row });
            if (!isMoved) return false;
            await writePages(transaction, write);
            return true;
          });
    if (!isStored) {
      await rereadHead(registerId);
      return "moved";
    }
    setHead(row);
    for (const { page, firstVersion } of steps) {
      publish(eventOf(page, firstVersion));
      handled(page.bytes.length);
    }
    return { registerId, number: row.headNumber, hash: row.headHash };
  });
}

/** A page, and the register's row once it is stored. */
interface Step {
  page: CheckedPage;
  row: RegisterRow;
  firstVersion: number;
}

function stepsOf(
  pages: readonly VerifiedPage[],
  options: { held: RegisterRow | null; isOrigin: boolean },
): Step[] {
  let before = options.held;
  return pages.map(({ page }) => {
    const row = before === null ? genesisRow(page, options.isOrigin) : withPage(page, before);
    before = row;
    return { page, row, firstVersion: row.latestVersion - page.transactions.count + 1 };
  });
}

/** Runs `work` while no page of the register is being stored. For `purge.ts`. */
export function withoutAppends<T>(registerId: string, work: () => Promise<T>): Promise<T> {
  return turnsOf(registerId).run(work);
}

/**
 * What is in memory is behind the table: the connection broke after the database took a page and
 * before it could say so. Whoever follows the feed finds a gap and reads the table.
 */
async function rereadHead(registerId: string): Promise<void> {
  const row = await readRegisterRow(sql(), registerId);
  hotCache()?.drop(registerId);
  if (row === null) forgetRegister(registerId);
  else setHead(row);
}

const turns = new Map<string, Mutex>();

function turnsOf(registerId: string): Mutex {
  const found = turns.get(registerId) ?? new Mutex();
  turns.set(registerId, found);
  return found;
}

function isHead(held: RegisterRow, anchor: Anchor): boolean {
  return anchor.nextNumber === held.headNumber + 1 && anchor.previousHash === held.headHash;
}

function genesisRow(page: CheckedPage, isOrigin: boolean): RegisterRow {
  const genesis = present(page.dockets[0], "a page's first docket");
  assert(genesis.number === 0, "a register begins with docket 0");
  const nowMs = systemClock.nowMs();
  return firstRow(page, { genesisHash: genesis.hash, isOrigin, firstVersion: 1, nowMs });
}

interface Write {
  anchor: Anchor;
  steps: readonly Step[];
  options: AppendOptions;
}

/** Not on the embedded database, which took longer over it: see docs/performance.md. */
function isForOneStatement(pages: readonly VerifiedPage[], options: AppendOptions): boolean {
  if (isEmbedded() || options.alsoIn !== undefined) return false;
  const bytes = pages.reduce((sum, { page }) => sum + page.bytes.length, 0);
  return bytes <= limits.smallPageBytes;
}

function partsOf({ steps, options }: Write): { parts: DocketPart[]; checkpoint: Checkpoint } {
  const { row } = present(steps.at(-1), "a step");
  const parts = steps.map(({ page, firstVersion }) => ({
    page,
    firstVersions: versionsFrom(firstVersion, page.dockets),
  }));
  const checkpoint = {
    registerId: row.registerId,
    number: row.headNumber,
    hash: row.headHash,
    sourcePeerId: options.sourcePeerId ?? null,
    movedAtMs: systemClock.nowMs(),
  };
  return { parts, checkpoint };
}

/** The statements after the rows go out at once and are answered together, in one round trip. */
async function writePages(transaction: Transaction, write: Write): Promise<void> {
  const { parts, checkpoint } = partsOf(write);
  const { registerId, number: to } = checkpoint;
  const { nextNumber: from, previousHash } = write.anchor;
  const pages = parts.map(({ page }) => page);
  await insertDockets(transaction, parts);
  await insertTransactions(transaction, pages);
  const [isLinked] = await Promise.all([
    isChain(transaction, { registerId, from, to, previousHash }),
    moveCheckpoint(transaction, checkpoint),
  ]);
  assert(isLinked, `dockets ${from} to ${to} of register ${registerId} form a chain`);
  await write.options.alsoIn?.(transaction);
}
