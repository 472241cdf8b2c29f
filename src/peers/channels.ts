/**
 * The open connections to peers: one channel a peer. Owns them; the mesh opens and closes them, and
 * whoever has a question to a peer asks here for its channel. It decides nothing about whom to
 * know.
 *
 * none → idle        a channel was asked for; nothing is sent yet
 * idle → connecting  the first call goes out
 * connecting → ready | failing   it was answered, or not; `failing` tries again with a back-off
 * ready → idle       no call for 5 min: the connection is closed, the channel stays
 * any → none         dropped (peer gone, banned, moved) or idle for 15 min: its calls end at once
 *
 * Beside it stands the peer's circuit (`circuit.ts`), which outlives the channel.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Channel } from "../wire/client.ts";
import { addressText } from "./address.ts";
import { Circuit, type CircuitName } from "./circuit.ts";
import { GuardedChannel } from "./guarded-channel.ts";
import type { Peer } from "./peer.ts";

export interface ChannelsOptions {
  /**
   * A channel to host:port; opening one sends nothing. `lostTrust`: what has become wrong with the
   * other side since it was met; null: nothing.
   */
  openChannel: (
    address: string,
    peerId: string,
  ) => { channel: Channel; lostTrust?: () => string | null };
  clock: Pick<Clock, "monotonicMs">;
}

/** Channels to peers by id; a value, of which a process may have several. */
export class Channels {
  readonly #open = new Map<string, GuardedChannel>();
  readonly #circuits = new Map<string, Circuit>();
  #isClosed = false;

  constructor(private readonly options: ChannelsOptions) {}

  /** The peer's channel, made when there is none or its address has changed. Sends nothing. */
  to(peer: Pick<Peer, "peerId" | "host" | "port">): Channel {
    if (this.#isClosed) {
      throw new PeerError("unavailable", "stopping", { message: "This node is shutting down" });
    }
    const address = addressText(peer);
    const known = this.#open.get(peer.peerId);
    if (known?.address === address) return known;
    known?.close();
    const opened = this.options.openChannel(address, peer.peerId);
    const channel = new GuardedChannel(opened.channel, {
      circuit: this.circuit(peer.peerId),
      lostTrust: opened.lostTrust ?? (() => null),
      monotonicMs: () => this.options.clock.monotonicMs(),
    });
    this.#open.set(peer.peerId, channel);
    return channel;
  }

  circuit(peerId: string): Circuit {
    const known = this.#circuits.get(peerId);
    if (known !== undefined) return known;
    const circuit = new Circuit({ monotonicMs: () => this.options.clock.monotonicMs() });
    this.#circuits.set(peerId, circuit);
    return circuit;
  }

  /** Calls to it would fail at once. */
  isShut(peerId: string): boolean {
    return this.#circuits.get(peerId)?.isShut() ?? false;
  }

  /** It showed itself: the next call may find out now. */
  hasten(peerId: string): void {
    this.#circuits.get(peerId)?.hasten();
  }

  /**
   * It answered on a connection of its own just now: its circuit may try, and a channel that still
   * waits for a back-off to pass makes way for a new one.
   */
  freshen(peerId: string): void {
    this.hasten(peerId);
    if (this.#open.get(peerId)?.state() === "failing") this.drop(peerId);
  }

  circuitName(peerId: string): CircuitName {
    return this.#circuits.get(peerId)?.state ?? "closed";
  }

  /** Ends the peer's channel and every call on it. */
  drop(peerId: string): void {
    this.#open.get(peerId)?.close();
    this.#open.delete(peerId);
  }

  /** As `drop`, and what the circuit learned is gone with it. */
  forget(peerId: string): void {
    this.drop(peerId);
    this.#circuits.delete(peerId);
  }

  /** Peers that are no longer to be trusted on the connection there is, and why. */
  distrusted(): { peerId: string; reason: string }[] {
    return [...this.#open].flatMap(([peerId, channel]) => {
      const reason = channel.lostTrust();
      return reason === null ? [] : [{ peerId, reason }];
    });
  }

  /** What is remembered of names that nobody knows any more is dropped. */
  forgetStrangers(isKnown: (peerId: string) => boolean): void {
    const names = new Set([...this.#open.keys(), ...this.#circuits.keys()]);
    for (const peerId of names) if (!isKnown(peerId)) this.forget(peerId);
  }

  /** Drops what nobody used for long; gives how many. */
  closeIdle(options: { isExempt: (peerId: string) => boolean }): number {
    const before = this.options.clock.monotonicMs() - limits.idleChannelMs;
    const idle = [...this.#open].filter(
      ([peerId, channel]) => channel.isUnusedSince(before) && !options.isExempt(peerId),
    );
    for (const [peerId] of idle) this.drop(peerId);
    return idle.length;
  }

  count(): number {
    return this.#open.size;
  }

  circuitCounts(): Record<CircuitName, number> {
    const counts = { closed: 0, open: 0, "half-open": 0 };
    for (const circuit of this.#circuits.values()) counts[circuit.state] += 1;
    return counts;
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#open.values()) channel.close();
    this.#open.clear();
  }
}

let current: Channels | null = null;

export function open(channels: Channels): void {
  assert(current === null, "channels are opened once");
  current = channels;
}

export function close(): void {
  current?.close();
  current = null;
}

export function channels(): Channels {
  assert(current !== null, "channels are open");
  return current;
}
