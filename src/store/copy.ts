import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { utf8 } from "../base/bytes.ts";
import { limits } from "../runtime/limits.ts";
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
      sent = send(target, rows.message()).then((isSent) => isSent && rows.free());
    }
    target.end(trailer);
    await Promise.race([finished(target), refused]);
  } finally {
    // Refused halfway: until it is told that nothing more comes, the driver takes no other query.
    if (!target.writableEnded) target.destroy();
  }
}

/** Resolves when the bytes have left, or never will; a failure is told to the query. */
function send(target: Writable, bytes: Uint8Array): Promise<unknown> {
  return new Promise((resolve) => target.write(bytes, (error) => resolve(!error)));
}

/**
 * Rows in COPY's binary form, built cell by cell: each begins with `row`, its cells follow. They
 * are written into the very message that carries them, in memory that is used again and again.
 */
export class CopyRows {
  #bytes: Buffer<ArrayBuffer>;
  #at = messageHead;

  /** `bytesHint`: about how large it will be. It grows where that was too little. */
  constructor(bytesHint: number) {
    const room = messageHead + bytesHint;
    const fitting = spares.find((spare) => spare.length >= room);
    if (fitting !== undefined) spares.splice(spares.indexOf(fitting), 1);
    this.#bytes = fitting ?? Buffer.allocUnsafeSlow(room + (room >> 3));
  }

  /** A whole message of the protocol, which the driver sends as it is. */
  message(): Buffer {
    this.#bytes.writeInt8(copyDataKind);
    this.#bytes.writeInt32BE(this.#at - 1, 1);
    return Object.assign(this.#bytes.subarray(0, this.#at), { isMessage: true });
  }

  /** Its memory is for the next rows; what was written is gone. */
  free(): void {
    if (this.#bytes.length <= spareBytesMax) spares.push(this.#bytes);
    spares.sort((left, right) => right.length - left.length);
    spares.length = Math.min(spares.length, sparesMax);
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
    this.#at = this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at);
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
    const grown = Buffer.allocUnsafeSlow(2 * this.#bytes.length + more);
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** What the rows of a page take, one that is being built and one that is being sent. */
const spareBytesMax = 2 * limits.frameBytes;
const sparesMax = 2;
const spares: Buffer<ArrayBuffer>[] = [];

const copyDataKind = "d".charCodeAt(0);
/** Its kind and its length. */
const messageHead = 5;

/** The signature, no flags, no extension of the header. */
const header = Buffer.from(`PGCOPY\n\xff\r\n\0${"\0".repeat(8)}`, "latin1");
const trailer = Buffer.from([0xff, 0xff]);
