/**
 * Messages from one peer to another that belong to no other call: what validators say to each
 * other. Owns who reads which type, the lines that peers opened to hear from us, and those that we
 * keep open to hear what is for us. Sealing and distribution send and read; the `PeerCommunication`
 * handlers bring in what came. Knows no message from the inside, and forgets each once it is read.
 */
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import { dice } from "../base/prng.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import type { Channel } from "../wire/client.ts";
import { type MessageType, messageType, type PeerMessage } from "../wire/distribution-messages.ts";
import { communication } from "../wire/services.ts";
import { Allowance } from "./allowance.ts";
import { type Book, book } from "./book.ts";
import { channels } from "./channels.ts";
import { type Asker, isProvenAs } from "./discovery.ts";
import { Hearing } from "./hearing.ts";
import type { Identity } from "./identity.ts";
import { KeptLines } from "./kept-lines.ts";
import { Lines } from "./lines.ts";
import { Relay } from "./relay.ts";
import { signMessage } from "./signed-message.ts";

/** A message as its reader gets it. */
export interface Letter {
  /** Who sent it: beyond doubt where `isProven`, else only by its own word. */
  from: string;
  isProven: boolean;
  payload: Uint8Array;
}

export interface PostOptions {
  identity: Pick<Identity, "nodeId" | "publicKey" | "sign">;
  book: Book;
  /** The peer's channel; null where it has no address that can be dialled. */
  channelTo: (peerId: string) => Channel | null;
  clock: Pick<Clock, "nowMs" | "monotonicMs">;
  /** Whether messages for others are passed on. */
  relay: boolean;
  /** Peers that pass on what we can't deliver. */
  relayVia: readonly string[];
}

type Read = (letter: Letter) => Promise<void> | void;

/** The post of one node; a value, of which a process may have several. */
export class Post {
  readonly #readers = new Map<number, Read>();
  readonly #lines = new Lines();

  /** Of messages that wait on the lines that peers keep open here. */
  get waitingBytes(): number {
    return this.#lines.bytes;
  }

  readonly #allowance: Allowance;
  readonly #relay: Relay;
  readonly #hearing: Hearing;
  #lastSequence = 0;

  constructor(private readonly options: PostOptions) {
    const monotonicMs = () => options.clock.monotonicMs();
    this.#allowance = new Allowance({ ...limits.peerMessages, namesMax: 4_096, monotonicMs });
    this.#relay = new Relay({ ...options, isOn: options.relay, lines: this.#lines });
    this.#hearing = new Hearing(options);
  }

  /** From now on `read` gets every message of that type; a type has one reader. */
  on(type: MessageType, read: Read): { stop: () => void } {
    assert(!this.#readers.has(type), `messages of type ${type} have one reader`);
    this.#readers.set(type, read);
    return { stop: () => this.#readers.delete(type) };
  }

  /**
   * Resolves once the peer's reader has taken the message, or it lies on the line that the peer
   * keeps open, here or at a relay. Throws a `PeerError`: `too-large`, or what kept it from getting
   * there.
   */
  async send(
    peerId: string,
    message: { type: MessageType; payload: Uint8Array; signal?: AbortSignal },
  ): Promise<void> {
    const { type, payload, signal } = message;
    if (payload.byteLength > limits.peerMessageBytes) throw tooLarge(payload.byteLength);
    const draft: PeerMessage = {
      senderPeerId: this.options.identity.nodeId,
      recipientPeerId: peerId,
      messageType: type,
      payload,
      timestamp: this.options.clock.nowMs(),
      ...unsigned,
    };
    // Who keeps a line open says that it wants to hear us there.
    if (this.#lines.has(peerId) && this.#lines.say(peerId, this.#signed(draft))) return;
    // Where it never answered, a relay is sooner there than the end of a wait.
    const isNear = this.options.book.get(peerId)?.connection === "connected";
    if (!isNear && (await this.#relayed(draft, signal))) return;
    try {
      await this.#carry(peerId, draft, signal);
    } catch (error) {
      const isCut = error instanceof PeerError && error.kind === "network";
      if (!isNear || !isCut || !(await this.#relayed(draft, signal))) throw error;
    }
  }

  /** A message that came in. Throws for one that is not for us, or that nobody here reads. */
  async take(message: PeerMessage, asker: Asker): Promise<void> {
    const { senderPeerId: from, recipientPeerId } = message;
    this.#checkForm(message);
    if (recipientPeerId !== "" && recipientPeerId !== this.options.identity.nodeId) {
      return this.#relay.pass(message, asker);
    }
    if (!this.#allowance.take(limitedAs(hostOfConnection(asker.address)))) {
      throw new PeerError("exhausted", "too-many-messages", {
        message: "Too many messages from this host; later",
        facts: { retryAfterMs: 1_000 },
      });
    }
    await this.#read(message, { isProven: isProvenAs(from, asker, this.options.book) });
  }

  /** A message that came on a line of ours. Throws for one that is not to be believed. */
  async hear(message: PeerMessage): Promise<void> {
    this.#checkForm(message);
    if (message.recipientPeerId !== this.options.identity.nodeId) {
      throw invalid("not-for-us", `This node is not ${message.recipientPeerId.slice(0, 64)}`);
    }
    await this.#read(message, this.#hearing.check(message));
  }

  /**
   * What this node says to a peer that opened a line, until the signal aborts. A peer has one line:
   * a new one ends the old one. Nothing is said to who only claims to be that peer.
   */
  async *line(
    peerId: string,
    { asker, signal }: { asker: Asker; signal: AbortSignal },
  ): AsyncGenerator<PeerMessage> {
    if (!isProvenAs(peerId, asker, this.options.book)) return waitFor(signal);
    yield* this.#lines.open(peerId, signal);
  }

  async #carry(via: string, message: PeerMessage, signal: AbortSignal | undefined): Promise<void> {
    const channel = this.options.channelTo(via);
    if (channel === null) throw unreachable(via);
    const deadlineMs = limits.peerMessageMs;
    const options = signal === undefined ? { deadlineMs } : { deadlineMs, signal };
    await channel.unary(communication.sendMessage, message, options);
  }

  /** False: no relay could be reached, or knows the recipient. */
  async #relayed(draft: PeerMessage, signal: AbortSignal | undefined): Promise<boolean> {
    for (const via of this.options.relayVia) {
      if (via === draft.recipientPeerId) continue;
      try {
        await this.#carry(via, this.#signed(draft), signal);
        return true;
      } catch (error) {
        if (signal?.aborted) throw error;
        const { recipientPeerId: peerId } = draft;
        logFor("peers").debug({ peerId, via, err: messageOf(error) }, "Not relayed");
      }
    }
    return false;
  }

  #signed(draft: PeerMessage): PeerMessage {
    this.#lastSequence = Math.max(this.#lastSequence + 1, this.options.clock.nowMs() * 1_000);
    const { identity } = this.options;
    return signMessage(draft, { sequence: this.#lastSequence, identity });
  }

  #checkForm({ senderPeerId, payload }: PeerMessage): void {
    if (senderPeerId === "") throw invalid("no-sender", "A message names its sender");
    if (payload.byteLength > limits.peerMessageBytes) throw tooLarge(payload.byteLength);
  }

  async #read(message: PeerMessage, { isProven }: { isProven: boolean }): Promise<void> {
    const { senderPeerId: from, messageType: type, payload } = message;
    // It says no more than that somebody is there: with it a line is opened.
    if (type === messageType.heartbeat) return;
    const read = this.#readers.get(type);
    if (read === undefined) {
      throw invalid("unknown-message-type", `Nobody here reads messages of type ${type}`);
    }
    await read({ from, isProven, payload });
  }
}

const unsigned = { sequence: 0, publicKey: new Uint8Array(), signature: new Uint8Array() };

let current: { post: Post; keptLines: KeptLines } | null = null;

/** Over the book and the channels of this process, which are open. */
export function open(
  options: Pick<PostOptions, "identity" | "relay" | "relayVia"> & { clock: Clock },
): void {
  assert(current === null, "the post is opened once");
  const channelTo = (peerId: string) => {
    const peer = book().get(peerId);
    return peer === null || peer.isBanned ? null : channels().to(peer);
  };
  const post = new Post({ ...options, book: book(), channelTo });
  const keptLines = new KeptLines({
    nodeId: options.identity.nodeId,
    peerIds: options.relayVia,
    channelTo,
    hear: (message) => post.hear(message),
    clock: options.clock,
    dice,
    log: logFor("peers"),
  });
  current = { post, keptLines };
}

export async function close(): Promise<void> {
  const closing = current;
  current = null;
  await closing?.keptLines.stop();
}

export function post(): Post {
  assert(current !== null, "the post is open");
  return current.post;
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
