import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { owned } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { startThread, type Thread } from "../runtime/thread.ts";
import type { FromEmbedded, ToEmbedded } from "./embedded-messages.ts";

export interface Embedded {
  /** A connection for the driver. One at a time: the embedded database is one session. */
  connect(): Duplex;
  /** Ends the database in an orderly way. */
  close(): Promise<void>;
}

/**
 * Starts the embedded database in its thread, in `<dataDir>/db`, which it makes at the first start.
 * The driver speaks to it by messages between threads and not through a socket: there is nothing
 * that another user of the machine could connect to. Throws `configuration` when it can't start.
 */
export async function startEmbedded(options: {
  dataDir: string;
  schema: string;
  threadUrl: URL;
}): Promise<Embedded> {
  const directory = join(options.dataDir, "db");
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const bridge = new Bridge(options.threadUrl);
  try {
    await bridge.open({ kind: "open", directory, schema: options.schema });
  } catch (cause) {
    await bridge.stop();
    throw new PeerError("configuration", "embedded-database-broken", {
      message: `The embedded database in ${directory} does not start`,
      cause,
    });
  }
  return { connect: () => bridge.connect(), close: () => bridge.close() };
}

/** The node's end of the thread: pairs of streams by number, and what the thread says of itself. */
class Bridge {
  readonly #thread: Thread<ToEmbedded>;
  readonly #wires = new Map<number, Wire>();
  #wireCount = 0;
  #failure: Error | null = null;
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(threadUrl: URL) {
    this.#thread = startThread<ToEmbedded, FromEmbedded>(threadUrl, {
      onMessage: (message) => this.#take(message),
      onError: (error) => this.#fail(error),
    });
  }

  open(message: ToEmbedded & { kind: "open" }): Promise<void> {
    return this.#ask(message);
  }

  connect(): Duplex {
    const wire = new Wire({
      send: (bytes) => this.#request(wire, bytes),
      onGone: () => this.#hangUp(wire),
    });
    if (this.#failure === null) this.#wires.set(++this.#wireCount, wire);
    else wire.destroy(this.#failure);
    return wire;
  }

  async close(): Promise<void> {
    if (this.#failure === null) await this.#ask({ kind: "close" }).catch(() => undefined);
    await this.stop();
  }

  async stop(): Promise<void> {
    await this.#thread.stop();
  }

  #ask(message: ToEmbedded): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#thread.post(message);
    });
  }

  #request(wire: Wire, bytes: Uint8Array<ArrayBuffer>): void {
    const connection = this.#numberOf(wire);
    if (connection === null) return;
    this.#thread.post({ kind: "request", connection, bytes }, [bytes.buffer]);
  }

  #hangUp(wire: Wire): void {
    const connection = this.#numberOf(wire);
    if (connection === null) return;
    this.#wires.delete(connection);
    if (this.#failure === null) this.#thread.post({ kind: "hangup", connection });
  }

  #numberOf(wire: Wire): number | null {
    for (const [connection, one] of this.#wires) if (one === wire) return connection;
    return null;
  }

  #take(message: FromEmbedded): void {
    if (message.kind === "reply") this.#wires.get(message.connection)?.push(message.bytes);
    else if (message.kind === "failed") this.#fail(new Error(message.message));
    else this.#settle?.resolve();
  }

  /** The database can't go on: every connection breaks, now and from here on. */
  #fail(error: Error): void {
    this.#failure = Object.assign(error, { code: "CONNECTION_CLOSED" });
    this.#settle?.reject(error);
    for (const wire of this.#wires.values()) wire.destroy(error);
    this.#wires.clear();
  }
}

/** What the driver takes for its socket. It writes whole protocol messages, never parts of one. */
class Wire extends Duplex {
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly #onGone: () => void;

  constructor(options: { send: (bytes: Uint8Array<ArrayBuffer>) => void; onGone: () => void }) {
    super({ decodeStrings: true });
    this.#send = options.send;
    this.#onGone = options.onGone;
  }

  /** The driver asks for it before it says goodbye. */
  get readyState(): string {
    return this.destroyed ? "closed" : "open";
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#send(owned(chunk));
    done();
  }

  override _final(done: (error?: Error) => void): void {
    this.push(null);
    done();
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#onGone();
    done(error);
  }
}
