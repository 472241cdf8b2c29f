import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { owned } from "../base/bytes.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
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
  const opening = { kind: "open", directory, schema: options.schema } as const;
  const place = new Place(() => startBridge(options.threadUrl, opening));
  try {
    await place.start();
  } catch (cause) {
    throw new PeerError("configuration", "embedded-database-broken", {
      message: `The embedded database in ${directory} does not start`,
      cause,
    });
  }
  return { connect: () => place.connect(), close: () => place.close() };
}

async function startBridge(threadUrl: URL, opening: ToEmbedded & { kind: "open" }) {
  const bridge = new Bridge(threadUrl);
  try {
    await bridge.open(opening);
    return bridge;
  } catch (error) {
    await bridge.stop();
    throw error;
  }
}

/**
 * Where the database runs: a thread, and when that died, another one. What was acknowledged is on
 * disk, and the new thread begins as after a crash; whoever was being served is refused until then.
 * `StoreHealth` keeps trying to connect, which is what starts the new thread.
 */
class Place {
  #bridge: Bridge | null = null;
  #starting: Promise<void> | null = null;
  #attempt = 0;
  #startsMs = 0;

  constructor(private readonly startOne: () => Promise<Bridge>) {}

  async start(): Promise<void> {
    this.#bridge = await this.startOne();
    this.#attempt = 0;
  }

  connect(): Duplex {
    const bridge = this.#bridge;
    if (bridge !== null && bridge.failure === null) return bridge.connect();
    this.#starting ??= this.#startAgain().finally(() => {
      this.#starting = null;
    });
    const reason = bridge?.failure ?? new Error("The embedded database is being started again");
    return brokenWire(Object.assign(reason, { code: "CONNECTION_CLOSED" }));
  }

  async close(): Promise<void> {
    await this.#starting;
    await this.#bridge?.close();
  }

  /** Two threads at one database would destroy it: the dead one must be gone first. */
  async #startAgain(): Promise<void> {
    if (systemClock.monotonicMs() < this.#startsMs) return;
    const { failure = null } = this.#bridge ?? {};
    if (failure !== null) log.error({ reason: failure.message }, "The embedded database died");
    await this.#bridge?.stop();
    this.#bridge = null;
    try {
      await this.start();
      log.info({}, "The embedded database was started again");
    } catch (error) {
      const waitMs = Math.min(1_000 * 2 ** this.#attempt, longestMs);
      this.#attempt += 1;
      this.#startsMs = systemClock.monotonicMs() + waitMs;
      const facts = { reason: messageOf(error), waitMs };
      log.error(facts, "The embedded database could not be started again; trying once more");
    }
  }
}

const log = logFor("store");
/** Between two tries to start a database that does not start. */
const longestMs = 60_000;

/** The node's end of the thread: pairs of streams by number, and what the thread says of itself. */
class Bridge {
  readonly #thread: Thread<ToEmbedded>;
  readonly #wires = new Map<number, Wire>();
  #wireCount = 0;
  failure: Error | null = null;
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
    this.#wires.set(++this.#wireCount, wire);
    return wire;
  }

  async close(): Promise<void> {
    if (this.failure === null) await this.#ask({ kind: "close" }).catch(() => undefined);
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
    if (this.failure === null) this.#thread.post({ kind: "hangup", connection });
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
    this.failure = Object.assign(error, { code: "CONNECTION_CLOSED" });
    this.#settle?.reject(error);
    for (const wire of this.#wires.values()) wire.destroy(error);
    this.#wires.clear();
  }
}

/** Breaks once the driver has it and hears of that: an error that nobody hears ends the process. */
function brokenWire(reason: Error): Wire {
  const wire = new Wire({ send: () => {}, onGone: () => {} });
  systemClock.sleep(0).then(() => wire.destroy(reason));
  return wire;
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
