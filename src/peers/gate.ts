import { hostOfConnection, limitedAs } from "../base/host.ts";
import { limits } from "../runtime/limits.ts";
import { refuse } from "../wire/status.ts";
import type { Book } from "./book.ts";

/** Who wants to come in: as claimed or proven, and from where. */
export interface Visitor {
  peerId: string | null;
  /** host:port of the connection's other end. */
  address: string;
}

/**
 * The door for calls from peers. Banned ones stay outside, and those inside when the ban comes are
 * put out. Connections are bounded, all together and a host. A value: the listener asks it.
 */
export class Gate {
  /** Calls that are open, by connection. */
  readonly #calls = new Map<string, number>();
  readonly #connectionsOf = new Map<string, number>();
  readonly #inside = new Map<string, { out: AbortController; calls: number }>();

  constructor(private readonly options: { book: Book }) {}

  /** Throws `forbidden` or `unavailable`; otherwise the call counts until `leave`. */
  enter(visitor: Visitor): { leave: () => void; expelled: AbortSignal } {
    const { peerId, address } = visitor;
    const host = hostOfConnection(address);
    if (this.#isBanned(peerId, host)) {
      throw refuse("FORBIDDEN", { message: "This peer is banned here" });
    }
    if (!this.#calls.has(address)) this.#countIn(limitedAs(host));
    this.#calls.set(address, (this.#calls.get(address) ?? 0) + 1);
    const name = peerId ?? `host:${host}`;
    const guest = this.#inside.get(name) ?? { out: new AbortController(), calls: 0 };
    guest.calls += 1;
    this.#inside.set(name, guest);
    const leave = () => {
      guest.calls -= 1;
      if (guest.calls === 0 && this.#inside.get(name) === guest) this.#inside.delete(name);
      this.#leave(address, limitedAs(host));
    };
    return { expelled: guest.out.signal, leave };
  }

  /** Ends every stream of the peer. */
  expel(peerId: string): void {
    this.#inside.get(peerId)?.out.abort();
    this.#inside.delete(peerId);
  }

  connectionCount(): number {
    return this.#calls.size;
  }

  /**
   * A name that nobody knows is no way round a ban, where the host is known to be the banned peer's
   * and nobody else's.
   */
  #isBanned(peerId: string | null, host: string): boolean {
    const { book } = this.options;
    if (peerId !== null && book.isBanned(peerId)) return true;
    if (peerId !== null && book.get(peerId) !== null) return false;
    const neighbours = book.list().filter((peer) => peer.host === host);
    return neighbours.length > 0 && neighbours.every((peer) => peer.isBanned);
  }

  #countIn(host: string): void {
    const ofHost = this.#connectionsOf.get(host) ?? 0;
    if (this.#calls.size >= limits.inboundConnections || ofHost >= limits.inboundPerHost) {
      throw refuse("BUSY", {
        message: "As many connections are open here as may be",
        retryAfterMs: 5_000,
      });
    }
    this.#connectionsOf.set(host, ofHost + 1);
  }

  #leave(address: string, host: string): void {
    const left = (this.#calls.get(address) ?? 1) - 1;
    if (left > 0) return void this.#calls.set(address, left);
    this.#calls.delete(address);
    const ofHost = (this.#connectionsOf.get(host) ?? 1) - 1;
    if (ofHost > 0) this.#connectionsOf.set(host, ofHost);
    else this.#connectionsOf.delete(host);
  }
}
