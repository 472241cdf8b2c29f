import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { utf8 } from "../base/bytes.ts";
import type { Transaction } from "./database.ts";

/**
 * Sends rows by `COPY … FROM STDIN (FORMAT binary)`: bytes go as they are, where a parameter of the
 * driver would make hex of them that the server has to read back. `statement` is such a COPY; it
 * must not hold anything that came from outside. The next portion of rows is built while the one
 * before it is on its way.
 */
export async function copyRows(
  transaction: Transaction,
  copy: { statement: string; portions: Iterable<CopyRows> },
): Promise<void> {
  const query = transaction.unsafe(copy.statement);
  const target = await query.writable();
  // Once the rows have ended, the driver tells a refusal only to the query, which is settled by
  // then: without this, the refusal of a row would be waited for without an end.
  const refused = new Promise<never>((_, reject) => Object.assign(query, { reject }));
  refused.catch(() => undefined);
  try {
    let sent = send(target, header);
    for (const rows of copy.portions) {
      await Promise.race([sent, refused]);
      sent = send(target, rows.bytes).then(() => rows.free());
    }
    target.end(trailer);
    await Promise.race([finished(target), refused]);
  } finally {
    // Refused halfway: until it is told that nothing more comes, the driver takes no other query.
    if (!target.writableEnded) target.destroy();
  }
}

/** Resolves when the bytes have left; a failure is told to the query. */
function send(target: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => target.write(bytes, () => resolve()));
}

/** Rows in COPY's binary form, built cell by cell: each begins with `row`, its cells follow. */
export class CopyRows {
  #bytes: Buffer;
  #at = 0;

  /** `bytesHint`: about how large it will be. It grows where that was too little. */
  constructor(bytesHint: number) {
    this.#bytes = Buffer.allocUnsafe(bytesHint);
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** The memory is given back at once; what was written is gone. */
  free(): void {
    const { buffer, byteLength } = this.#bytes;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }

  row(cellCount: number): this {
    this.#fit(2);
    this.#at = this.#bytes.writeInt16BE(cellCount, this.#at);
    return this;
  }

  bytea(value: Uint8Array): this {
    this.#fit(4 + value.length);
    this.#at = this.#bytes.writeInt32BE(value.length, this.#at);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytea(utf8(value));
  }

  integer(value: number): this {
    this.#fit(8);
    this.#at = this.#bytes.writeInt32BE(4, this.#at);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  bigint(value: number): this {
    this.#fit(12);
    this.#at = this.#bytes.writeInt32BE(8, this.#at);
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at);
    return this;
  }

  boolean(value: boolean): this {
    this.#fit(5);
    this.#at = this.#bytes.writeInt32BE(1, this.#at);
    this.#at = this.#bytes.writeInt8(Number(value), this.#at);
    return this;
  }

  #fit(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * this.#bytes.length + more);
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** The signature, no flags, no extension of the header. */
const header = Buffer.from(`PGCOPY\n\xff\r\n\0${"\0".repeat(8)}`, "latin1");
const trailer = Buffer.from([0xff, 0xff]);
