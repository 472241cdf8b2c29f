import { utf8 } from "../base/bytes.ts";
import type { TransactionFacts } from "../dockets/types.ts";
import { CopyRows } from "../store/copy.ts";

/** The transactions of a page, whose places are to be stored. */
export interface TransactionPart {
  registerId: string;
  transactions: TransactionFacts;
}

/**
 * Rows in the order of the columns that `insertTransactions` names, as many at a time as are
 * written down without holding up everything else.
 */
export function* placesOf(parts: readonly TransactionPart[]): Iterable<CopyRows> {
  for (const { registerId, transactions } of parts) {
    const id = utf8(registerId);
    for (let from = 0; from < transactions.count; from += rowsAtOnce) {
      yield rowsOf(id, transactions, from);
    }
  }
}

const rowsAtOnce = 8_192;
/** Of a row, but for the register's id. */
const rowBytes = 54;

function rowsOf(id: Uint8Array, transactions: TransactionFacts, from: number): CopyRows {
  const { count, keys, docketNumbers, positions, offsets, lengths } = transactions;
  const to = Math.min(from + rowsAtOnce, count);
  const rows = new CopyRows((to - from) * (rowBytes + id.length));
  for (let index = from; index < to; index += 1) {
    rows
      .row(6)
      .bytea(id)
      // A bigint lies in its cell as it lies in the key: eight bytes, the highest first.
      .bytea(keys.subarray(16 * index, 16 * index + 8))
      .bigint(docketNumbers[index] as number)
      .integer(positions[index] as number)
      .integer(offsets[index] as number)
      .integer(lengths[index] as number);
  }
  return rows;
}
