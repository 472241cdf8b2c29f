/**
 * The open connections to peers: one channel a peer. Owns them; the mesh opens and closes them, and
 * whoever has a question to a peer asks here for its channel. It decides nothing about whom to know.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { type Channel, openChannel } from "../wire/client.ts";
import { addressText } from "./address.ts";
import type { Peer } from "./book.ts";

/** Channels to peers by id; a value, of which a process may have several. */
export class Channels {
  readonly #open = new Map<string, { channel: Channel; address: string }>();
  #isClosed = false;

  constructor(private readonly nodeId: string) {}

  /** The peer's channel, made when there is none or its address has changed. Making one sends nothing. */
  to(peer: Pick<Peer, "peerId" | "host" | "port">): Channel {
    if (this.#isClosed) {
      throw new PeerError("unavailable", "stopping", { message: "This node is shutting down" });
    }
    const address = addressText(peer);
    const known = this.#open.get(peer.peerId);
    if (known?.address === address) return known.channel;
    known?.channel.close();
    const channel = openChannel({ address, nodeId: this.nodeId });
    this.#open.set(peer.peerId, { channel, address });
    return channel;
  }

  /** Ends the peer's channel and every stream on it. */
  drop(peerId: string): void {
    this.#open.get(peerId)?.channel.close();
    this.#open.delete(peerId);
  }

  count(): number {
    return this.#open.size;
  }

  close(): void {
    this.#isClosed = true;
    for (const { channel } of this.#open.values()) channel.close();
    this.#open.clear();
  }
}

let current: Channels | null = null;

export function open(options: { nodeId: string }): void {
  assert(current === null, "channels are opened once");
  current = new Channels(options.nodeId);
}

export function close(): void {
  current?.close();
  current = null;
}

export function channels(): Channels {
  assert(current !== null, "channels are open");
  return current;
}
