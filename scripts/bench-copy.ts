/**
 * The ceiling for a store on PostgreSQL: the same bytes and rows by COPY into tables without keys,
 * no checks, one commit a page.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import type { CheckedPage } from "../src/dockets/types.ts";
import type { Sql } from "../src/store/database.ts";
import { inTransaction } from "../src/store/transaction.ts";

export async function copyPages(sql: Sql, pages: readonly CheckedPage[]): Promise<void> {
  await sql`DROP TABLE IF EXISTS plain_dockets, plain_transactions`;
  await sql`CREATE TABLE plain_dockets (register_id text, number bigint, bundle bytea)`;
  await sql`ALTER TABLE plain_dockets ALTER COLUMN bundle SET STORAGE EXTERNAL`;
  await sql`CREATE TABLE plain_transactions (register_id text, key bytea, docket_number bigint)`;
  for (const page of pages) {
    await inTransaction(async (transaction) => {
      await copyInto(
        await transaction`COPY plain_dockets FROM STDIN (FORMAT binary)`.writable(),
        docketRows(page),
      );
      await copyInto(
        await transaction`COPY plain_transactions FROM STDIN (FORMAT binary)`.writable(),
        transactionRows(page),
      );
    });
  }
}

function docketRows({ bytes, dockets, registerId }: CheckedPage): Buffer[] {
  const id = Buffer.from(registerId);
  return dockets.map(({ number, offset, length }) =>
    copyRow([id, int8(number), bytes.subarray(offset, offset + length)]),
  );
}

function transactionRows({ transactions, registerId }: CheckedPage): Buffer[] {
  const id = Buffer.from(registerId);
  return Array.from({ length: transactions.count }, (_, index) =>
    copyRow([
      id,
      transactions.keys.subarray(index * 16, index * 16 + 16),
      int8(transactions.docketNumbers[index] as number),
    ]),
  );
}

async function copyInto(target: Writable, rows: Buffer[]): Promise<void> {
  const header = Buffer.from("5047434f50590aff0d0a000000000000000000", "hex");
  target.end(Buffer.concat([header, ...rows, Buffer.from([0xff, 0xff])]));
  await once(target, "finish");
}

function copyRow(cells: Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from([0, cells.length])];
  for (const cell of cells) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(cell.length);
    parts.push(length, cell);
  }
  return Buffer.concat(parts);
}

function int8(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
