import type postgres from "postgres";
import { assert } from "../base/assert.ts";
import { hexOf } from "../base/bytes.ts";

/**
 * A query's rows as the database holds them: bytes are bytes, where the driver would have the
 * server write hexadecimal text, twice as long, and read that back. For whoever reads documents by
 * the megabyte. Needs `isBinary` of patches/postgres@3.4.9.patch.
 */
export async function readBinary<T>(
  query: postgres.PendingQuery<postgres.Row[]>,
  read: (row: BinaryRow) => T,
): Promise<T[]> {
  const rows = await Object.assign(query, { isBinary: true }).raw();
  return (rows as unknown as Buffer[][]).map((cells) => read(new BinaryRow(cells)));
}

/** Gives a row's cells in the order of the columns. None may be null. */
export class BinaryRow {
  #at = 0;

  constructor(private readonly cells: readonly Buffer[]) {}

  /** A view of what came from the server. */
  bytes(): Buffer {
    const cell = this.cells[this.#at++];
    assert(cell !== undefined && cell !== null, "a row has a value in each column that is read");
    return cell;
  }

  hex(): string {
    return hexOf(this.bytes());
  }

  /** A `bigint` or an `integer`. */
  number(): number {
    const cell = this.bytes();
    if (cell.length === 4) return cell.readInt32BE(0);
    const value = cell.readInt32BE(0) * 2 ** 32 + cell.readUInt32BE(4);
    assert(Number.isSafeInteger(value), "an integer of the database is a safe integer");
    return value;
  }

  boolean(): boolean {
    return this.bytes()[0] === 1;
  }
}
