/**
 * The connections that others have open at a listener: bounded, a host and all together. Owns the
 * sockets that the listener took; the rules of each call say when one is in use. It knows no peer:
 * whoever may call is told so by the call's own refusal.
 *
 * What never makes a call costs the least to open and says nothing of itself, so it is ended soon.
 * Where all places are taken, the one that was silent longest makes way, then the one longest out
 * of use; with a call on each of them, the newcomer goes.
 */
import type { Server } from "@grpc/grpc-js";
import { hostOfConnection, limitedAs } from "../base/host.ts";

export interface ConnectionsOptions {
  /** All together, and of one host. */
  countMax: number;
  perHostMax: number;
  /** Until the first call must be there. */
  silentMs: number;
  monotonicMs: () => number;
}

/** As much of a socket as is used here. */
export interface Socket {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
  destroy(): unknown;
  once(event: "close", listener: () => void): unknown;
}

interface Connection {
  socket: Socket;
  address: string;
  host: string;
  calls: number;
  hasCalled: boolean;
  /** When it was opened, or its last call ended. */
  quietSinceMs: number;
}

export class Connections {
  /** The longest quiet first. */
  readonly #open = new Map<string, Connection>();
  readonly #countOf = new Map<string, number>();

  constructor(private readonly options: ConnectionsOptions) {}

  /** Counts what the listener takes from now on. */
  watch(server: Server): void {
    const { http2Servers } = server as unknown as { http2Servers?: Map<Listening, unknown> };
    for (const listening of http2Servers?.keys() ?? []) {
      listening.prependListener("connection", (socket) => this.take(socket));
    }
  }

  /** A new one; it may be ended at once. */
  take(socket: Socket): void {
    // It was closed before it got here.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    const before = this.#open.get(address);
    if (before !== undefined) this.#forget(before);
    const host = limitedAs(hostOfConnection(address));
    const { countMax, perHostMax, monotonicMs } = this.options;
    const isHostFull = (this.#countOf.get(host) ?? 0) >= perHostMax;
    if (isHostFull || this.#open.size >= countMax) {
      const quiet = this.#longestQuiet(isHostFull ? host : null);
      if (quiet === null) return void socket.destroy();
      this.#end(quiet);
    }
    const quietSinceMs = monotonicMs();
    const connection = { socket, address, host, calls: 0, hasCalled: false, quietSinceMs };
    this.#open.set(address, connection);
    this.#countOf.set(host, (this.#countOf.get(host) ?? 0) + 1);
    socket.once("close", () => this.#forget(connection));
  }

  /** A call came on the connection; gives what says that it is over. */
  callBegins(address: string): () => void {
    const connection = this.#open.get(address);
    if (connection === undefined) return () => {};
    connection.calls += 1;
    connection.hasCalled = true;
    return () => {
      connection.calls -= 1;
      connection.quietSinceMs = this.options.monotonicMs();
      if (this.#open.get(address) !== connection) return;
      this.#open.delete(address);
      this.#open.set(address, connection);
    };
  }

  /** Ends those that had their time to make a first call; gives how many. */
  endSilent(): number {
    const before = this.options.monotonicMs() - this.options.silentMs;
    const silent = [...this.#open.values()].filter(
      (one) => !one.hasCalled && one.quietSinceMs <= before,
    );
    for (const one of silent) this.#end(one);
    return silent.length;
  }

  get count(): number {
    return this.#open.size;
  }

  #longestQuiet(host: string | null): Connection | null {
    let used: Connection | null = null;
    for (const one of this.#open.values()) {
      if (one.calls > 0 || (host !== null && one.host !== host)) continue;
      if (!one.hasCalled) return one;
      used ??= one;
    }
    return used;
  }

  #end(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    const { address, host } = connection;
    if (this.#open.get(address) !== connection) return;
    this.#open.delete(address);
    const left = (this.#countOf.get(host) ?? 1) - 1;
    if (left > 0) this.#countOf.set(host, left);
    else this.#countOf.delete(host);
  }
}

interface Listening {
  prependListener(event: "connection", listener: (socket: Socket) => void): void;
}
