/**
 * Messages from one peer to another that belong to no other call: what validators say to each
 * other. Owns who reads which type, and the lines that peers opened to hear from us. Sealing and
 * distribution send and read; the `PeerCommunication` handlers bring in what came. Knows no
 * message from the inside, and forgets each once it is read.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import { BoundedQueue } from "../base/queue.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Channel } from "../wire/client.ts";
import type { MessageType, PeerMessage } from "../wire/distribution-messages.ts";
import type { Draft } from "../wire/messages.ts";
import { communication } from "../wire/services.ts";
import { Allowance } from "./allowance.ts";
import { type Book, book } from "./book.ts";
import { channels } from "./channels.ts";
import { type Asker, isProvenAs } from "./discovery.ts";

/** A message as its reader gets it. */
export interface Letter {
  /** Who sent it: beyond doubt where `isProven`, else only by its own word. */
  from: string;
  isProven: boolean;
  payload: Uint8Array;
}

export interface PostOptions {
  nodeId: string;
  book: Book;
  /** The peer's channel; null where it has no address that can be dialled. */
  channelTo: (peerId: string) => Channel | null;
  clock: Pick<Clock, "nowMs" | "monotonicMs">;
}

type Read = (letter: Letter) => Promise<void> | void;

/** The post of one node; a value, of which a process may have several. */
export class Post {
  readonly #readers = new Map<number, Read>();
  readonly #lines = new Map<string, BoundedQueue<Draft<PeerMessage>>>();
  readonly #allowance: Allowance;

  constructor(private readonly options: PostOptions) {
    const monotonicMs = () => options.clock.monotonicMs();
    this.#allowance = new Allowance({ ...limits.peerMessages, namesMax: 4_096, monotonicMs });
  }

  /** From now on `read` gets every message of that type; a type has one reader. */
  on(type: MessageType, read: Read): { stop: () => void } {
    assert(!this.#readers.has(type), `messages of type ${type} have one reader`);
    this.#readers.set(type, read);
    return { stop: () => this.#readers.delete(type) };
  }

  /**
   * Resolves once the peer's reader has taken the message, or it lies on the peer's own line to us.
   * Throws a `PeerError`: `too-large`, or what kept it from getting there.
   */
  async send(
    peerId: string,
    message: { type: MessageType; payload: Uint8Array; signal?: AbortSignal },
  ): Promise<void> {
    const { type, payload, signal } = message;
    if (payload.byteLength > limits.peerMessageBytes) throw tooLarge(payload.byteLength);
    const draft = {
      senderPeerId: this.options.nodeId,
      recipientPeerId: peerId,
      messageType: type,
      payload,
      timestamp: this.options.clock.nowMs(),
    };
    const channel = this.options.channelTo(peerId);
    try {
      if (channel === null) throw unreachable(peerId);
      const deadlineMs = limits.peerMessageMs;
      const options = signal === undefined ? { deadlineMs } : { deadlineMs, signal };
      await channel.unary(communication.sendMessage, draft, options);
    } catch (error) {
      const isCut = error instanceof PeerError && error.kind === "network";
      // It may talk to us although we can't reach it.
      if (!isCut || this.#lines.get(peerId)?.tryPush(draft) !== true) throw error;
    }
  }

  /** A message that came in. Throws for one that is not for us, or that nobody here reads. */
  async take(message: PeerMessage, asker: Asker): Promise<void> {
    const { senderPeerId: from, recipientPeerId, messageType, payload } = message;
    if (from === "") throw invalid("no-sender", "A message names its sender");
    if (recipientPeerId !== "" && recipientPeerId !== this.options.nodeId) {
      throw invalid("not-for-us", `This node is not ${recipientPeerId.slice(0, 64)}`);
    }
    if (payload.byteLength > limits.peerMessageBytes) throw tooLarge(payload.byteLength);
    const read = this.#readers.get(messageType);
    if (read === undefined) {
      throw invalid("unknown-message-type", `Nobody here reads messages of type ${messageType}`);
    }
    if (!this.#allowance.take(limitedAs(hostOfConnection(asker.address)))) {
      throw new PeerError("exhausted", "too-many-messages", {
        message: "Too many messages from this host; later",
        facts: { retryAfterMs: 1_000 },
      });
    }
    await read({ from, isProven: isProvenAs(from, asker, this.options.book), payload });
  }

  /**
   * What this node says to a peer that opened a line, until the signal aborts. A peer has one line:
   * a new one ends the old one. Nothing is said to who only claims to be that peer.
   */
  async *line(
    peerId: string,
    { asker, signal }: { asker: Asker; signal: AbortSignal },
  ): AsyncGenerator<Draft<PeerMessage>> {
    if (!isProvenAs(peerId, asker, this.options.book)) return waitFor(signal);
    const line = new BoundedQueue<Draft<PeerMessage>>(limits.peerLineMessages);
    this.#lines.get(peerId)?.close();
    this.#lines.set(peerId, line);
    const onAbort = () => line.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (!signal.aborted) yield* line;
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (this.#lines.get(peerId) === line) this.#lines.delete(peerId);
    }
  }
}

let current: Post | null = null;

/** Over the book and the channels of this process, which are open. */
export function open(options: Pick<PostOptions, "nodeId" | "clock">): void {
  assert(current === null, "the post is opened once");
  const channelTo = (peerId: string) => {
    const peer = book().get(peerId);
    return peer === null || peer.isBanned ? null : channels().to(peer);
  };
  current = new Post({ ...options, book: book(), channelTo });
}

export function close(): void {
  current = null;
}

export function post(): Post {
  assert(current !== null, "the post is open");
  return current;
}

function waitFor(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function tooLarge(bytes: number): PeerError {
  return new PeerError("too-large", "message-too-large", {
    message: `A message has at most ${limits.peerMessageBytes} bytes; this one has ${bytes}`,
  });
}

function unreachable(peerId: string): PeerError {
  return new PeerError("network", "unreachable", {
    message: `No address of peer ${peerId} is known`,
  });
}

function invalid(code: string, message: string): PeerError {
  return new PeerError("invalid", code, { message });
}
