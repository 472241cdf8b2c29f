import { assert, present } from "../base/assert.ts";
import type { Anchor } from "../dockets/types.ts";
import { sql } from "../store/sql.ts";
import { type Checkpoint, checkpointMove } from "./checkpoints-table.ts";
import type { DocketPart } from "./docket-rows.ts";
import { docketInsert, givenDockets } from "./dockets-table.ts";
import { type HeadMove, headMove } from "./registers-table.ts";
import { transactionRows } from "./transactions-table.ts";

/**
 * Stores small pages behind a register's head in one statement, which is a transaction of its own:
 * one message to the database and one back, where a transaction of several statements and COPY
 * takes eight. False when the head is elsewhere: nothing was written. What is given is a chain on
 * the anchor, or nothing is written either, and it throws: that is a defect of ours.
 */
export async function appendSmall(append: {
  anchor: Anchor;
  parts: readonly DocketPart[];
  head: HeadMove;
  checkpoint: Checkpoint;
}): Promise<boolean> {
  const { anchor, parts, head, checkpoint } = append;
  const { registerId, nextNumber, previousHash } = anchor;
  const pool = sql();
  const isMoved = pool`EXISTS (SELECT FROM moved)`;
  const transactions = parts.map(({ page }) => page.transactions);
  const [done] = await pool<{ isLinked: boolean; isMoved: boolean }[]>`
    WITH ${givenDockets(pool, parts)},
    chain AS (
      SELECT bool_and(previous_hash = expected AND number = place) AS is_linked FROM (
        SELECT number, previous_hash,
          lag(hash, 1, ${Buffer.from(previousHash, "hex")}::bytea) OVER given_order AS expected,
          ${nextNumber}::bigint - 1 + row_number() OVER given_order AS place
        FROM given WINDOW given_order AS (ORDER BY number)
      ) AS run
    ),
    moved AS (${headMove(pool, head)} AND (SELECT is_linked FROM chain) RETURNING register_id),
    stored AS (${docketInsert(pool, isMoved)}),
    places AS (${transactionRows(pool, { registerId, transactions, when: isMoved })}),
    checkpoint AS (${checkpointMove(pool, checkpoint, isMoved)})
    SELECT is_linked AS "isLinked", ${isMoved} AS "isMoved" FROM chain`;
  const { isLinked, isMoved: isStored } = present(done, "what became of the page");
  const run = `dockets ${nextNumber} to ${head.to.headNumber} of register ${registerId}`;
  assert(isLinked, `${run} form a chain`);
  return isStored;
}
