import { present } from "../base/assert.ts";
import { headerLength } from "../dockets/bundle.ts";
import type { CheckedPage } from "../dockets/types.ts";
import { CopyRows } from "../store/copy.ts";

/** A page whose dockets are to be stored. */
export interface DocketPart {
  page: CheckedPage;
  /** For each docket the version of its first transaction; 0 where unknown. */
  firstVersions: readonly number[];
}

/** Rows in the order of the columns that `insertDockets` names, a page at a time. */
export function* portionsOf(parts: readonly DocketPart[]): Iterable<CopyRows> {
  for (const part of parts) yield rowsOf(part);
}

function rowsOf({ page, firstVersions }: DocketPart): CopyRows {
  const { registerId, bytes, dockets } = page;
  const rows = new CopyRows(bytes.length + dockets.length * 300);
  for (const [index, docket] of dockets.entries()) {
    const bundle = bytes.subarray(docket.offset, docket.offset + docket.length);
    rows
      .row(12)
      .text(registerId)
      .bigint(docket.number)
      .bytea(Buffer.from(docket.hash, "hex"))
      .bytea(Buffer.from(docket.previousHash, "hex"))
      .bigint(docket.timeMs)
      .bigint(present(firstVersions[index], "a docket's version"))
      .integer(docket.transactionCount)
      .boolean(docket.isControl)
      .boolean(docket.isSealed)
      .integer(headerLength(bundle))
      .integer(bundle.length)
      .bytea(bundle);
  }
  return rows;
}
