import { isEqual } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { isLikeNameOfKey, nodeIdOfKey } from "../trust/node-key.ts";
import type { PeerMessage } from "../wire/distribution-messages.ts";
import type { Book } from "./book.ts";
import { isSignatureOfMessage } from "./signed-message.ts";

/** What was heard of one sender: all up to `floor` is old, and so is what was seen above it. */
interface Heard {
  floor: number;
  newest: number;
  seen: Set<number>;
}

/**
 * proven: the name is the key's own, or somebody vouched for the two · heard: the key that we know
 * the sender by · claimed: no key of that name is known, as with a caller that shows nothing.
 */
type Standing = "proven" | "heard" | "claimed";

/**
 * Decides whether to believe a message that came over a line, from whoever holds its other end or
 * through them: by its signature, by a key that is not another's, and once. What was signed before
 * this node began to hear is old: a restart opens no way to say it again. A value.
 */
export class Hearing {
  readonly #heard = new Map<string, Heard>();
  #floor: number;

  constructor(private readonly options: { book: Book; clock: Pick<Clock, "nowMs"> }) {
    this.#floor = options.clock.nowMs() * 1_000;
  }

  /**
   * Whether it is beyond doubt who sent it; false: only by its own word. Throws for what is not to
   * be believed at all, or came before.
   */
  check(message: PeerMessage): { isProven: boolean } {
    const { senderPeerId: from, publicKey, sequence } = message;
    if (this.options.book.isBanned(from)) {
      throw new PeerError("forbidden", "banned", { message: `Peer ${from} is banned here` });
    }
    const standing = this.#standingOf(from, publicKey);
    if (standing === null || !isSignatureOfMessage(message)) {
      throw new PeerError("unauthenticated", "false-signature", {
        message: `Nothing shows that ${from.slice(0, 64)} sent this message`,
      });
    }
    // Names that anybody can make up share one memory: they drive out nobody's.
    this.#noteOnce(standing === "claimed" ? "" : from, sequence);
    return { isProven: standing === "proven" };
  }

  /** Null: the name is another key's. */
  #standingOf(peerId: string, key: Uint8Array): Standing | null {
    if (key.byteLength !== 32) return null;
    if (isLikeNameOfKey(peerId)) return nodeIdOfKey(key) === peerId ? "proven" : null;
    const peer = this.options.book.get(peerId);
    if (peer?.publicKey == null) return "claimed";
    if (!isEqual(peer.publicKey, key)) return null;
    return peer.isCertified ? "proven" : "heard";
  }

  #noteOnce(from: string, sequence: number): void {
    const aheadMs = sequence / 1_000 - this.options.clock.nowMs();
    const heard = this.#heard.get(from) ?? { floor: 0, newest: 0, seen: new Set<number>() };
    const isOld = sequence <= Math.max(this.#floor, heard.floor) || heard.seen.has(sequence);
    if (isOld || Math.abs(aheadMs) > limits.lines.freshMs) {
      throw new PeerError("conflict", "not-fresh", {
        message: "The message is old, was heard before, or is of a clock that is far off",
      });
    }
    heard.seen.add(sequence);
    heard.newest = Math.max(heard.newest, sequence);
    if (heard.seen.size > limits.lines.sequences) {
      const [oldest = 0] = heard.seen;
      heard.seen.delete(oldest);
      heard.floor = Math.max(heard.floor, oldest);
    }
    this.#heard.delete(from);
    this.#heard.set(from, heard);
    if (this.#heard.size > limits.peers) this.#forgetOne();
  }

  /** Of a sender that is forgotten nothing older may come again: nor of anybody else. */
  #forgetOne(): void {
    for (const [peerId, { newest }] of this.#heard) {
      this.#floor = Math.max(this.#floor, newest);
      this.#heard.delete(peerId);
      return;
    }
  }
}
