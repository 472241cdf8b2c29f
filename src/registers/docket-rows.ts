import { present } from "../base/assert.ts";
import { concat } from "../base/bytes.ts";
import { headerLength } from "../dockets/bundle.ts";
import type { CheckedPage } from "../dockets/types.ts";
import { CopyRows } from "../store/copy.ts";
import type { Fragment, Sql } from "../store/database.ts";

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

/**
 * The same rows as a part of a statement: a parameter a column, and one for the pages' bytes, out
 * of which the database cuts the bundles.
 */
export function givenRows(sql: Sql, parts: readonly DocketPart[]): Fragment {
  const rows = parts.flatMap(({ page, firstVersions }, place) => {
    const before = parts.slice(0, place).reduce((sum, one) => sum + one.page.bytes.length, 0);
    return page.dockets.map((docket, index) => ({
      ...docket,
      start: before + docket.offset + 1,
      firstVersion: present(firstVersions[index], "a docket's version"),
      headerBytes: headerLength(page.bytes.subarray(docket.offset, docket.offset + docket.length)),
    }));
  });
  const column = (of: (row: (typeof rows)[number]) => unknown) => `{${rows.map(of).join(",")}}`;
  const registerId = present(parts[0], "a page").page.registerId;
  const bytes = concat(parts.map(({ page }) => page.bytes));
  return sql`
    SELECT ${registerId}::text, number, decode(hash, 'hex'), decode(previous_hash, 'hex'), time_ms,
      first_version, transaction_count, is_control, is_sealed, header_bytes, length,
      substring(${bytes}::bytea FROM start FOR length)
    FROM unnest(
      ${column((row) => row.number)}::bigint[], ${column((row) => row.hash)}::text[],
      ${column((row) => row.previousHash)}::text[], ${column((row) => row.timeMs)}::bigint[],
      ${column((row) => row.firstVersion)}::bigint[],
      ${column((row) => row.transactionCount)}::integer[],
      ${column((row) => row.isControl)}::boolean[], ${column((row) => row.isSealed)}::boolean[],
      ${column((row) => row.headerBytes)}::integer[], ${column((row) => row.length)}::integer[],
      ${column((row) => row.start)}::integer[]
    ) AS one (
      number, hash, previous_hash, time_ms, first_version, transaction_count, is_control,
      is_sealed, header_bytes, length, start
    )`;
}
