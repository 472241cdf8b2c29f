/**
 * COPY into the embedded database. It takes a COPY only as one piece, statement and rows together,
 * while a driver sends the rows once the server has asked for them. So this asks in the server's
 * place, keeps the rows until the driver says that they are all there, and hands in the whole.
 */
export class EmbeddedCopy {
  #kept: Uint8Array[] | null = null;

  /** What the driver gets for its messages; `run` asks the database. */
  async ask(
    bytes: Uint8Array,
    run: (bytes: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#kept === null) {
      if (!isCopyIn(bytes)) return await run(bytes);
      this.#kept = [bytes];
      return copyInResponse.slice();
    }
    this.#kept.push(bytes);
    if (bytes[0] !== kinds.copyDone && bytes[0] !== kinds.copyFail) return new Uint8Array(0);
    const whole = Buffer.concat(this.#kept);
    this.#kept = null;
    return withoutCopyIn(await run(whole));
  }

  /** The driver hung up. */
  forget(): void {
    this.#kept = null;
  }
}

/** The first bytes of protocol messages that matter here. */
const kinds = { query: 0x51, copyIn: 0x47, copyDone: 0x63, copyFail: 0x66 } as const;

/** Binary, of no column in particular: the driver reads nothing in it. */
const copyInResponse = new Uint8Array([kinds.copyIn, 0, 0, 0, 7, 1, 0, 0]);

/** A simple query that is a COPY … FROM STDIN: `Q`, its length, its text. */
function isCopyIn(bytes: Uint8Array): boolean {
  if (bytes[0] !== kinds.query || bytes.length > 10_000) return false;
  const text = Buffer.from(bytes).toString("latin1", 5);
  return /^\s*COPY\s/.test(text) && /\sFROM\s+STDIN\b/.test(text);
}

/** The reply without the database's own asking for rows: the driver has had that. */
function withoutCopyIn(reply: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (reply[0] !== kinds.copyIn) return reply;
  const length = new DataView(reply.buffer, reply.byteOffset).getInt32(1);
  return reply.slice(1 + length);
}
