import { PeerError } from "../base/error.ts";
import { BoundedQueue } from "../base/queue.ts";
import { limits } from "../runtime/limits.ts";
import type { PeerMessage } from "../wire/distribution-messages.ts";
import { refuse } from "../wire/status.ts";

interface Line {
  messages: BoundedQueue<PeerMessage>;
  /** Waiting on it. */
  bytes: number;
}

/**
 * The lines that peers keep open here, to hear what is for them: they can't be dialled, or need not
 * be. A peer has one. Bounded: how many there are, what waits on one, and on all. A value.
 */
export class Lines {
  readonly #lines = new Map<string, Line>();
  #bytes = 0;

  get count(): number {
    return this.#lines.size;
  }

  /** Of all that waits on them. */
  get bytes(): number {
    return this.#bytes;
  }

  has(peerId: string): boolean {
    return this.#lines.has(peerId);
  }

  /** Throws `line-full`. False: the peer keeps no line open here. */
  say(peerId: string, message: PeerMessage): boolean {
    const line = this.#lines.get(peerId);
    if (line === undefined) return false;
    const { byteLength } = message.payload;
    const isFull =
      line.bytes + byteLength > limits.lines.bytes ||
      this.#bytes + byteLength > limits.lines.bytesOfAll;
    if (isFull || !line.messages.tryPush(message)) {
      throw new PeerError("exhausted", "line-full", {
        message: `Too much waits for peer ${peerId} already; later`,
        facts: { retryAfterMs: 1_000 },
      });
    }
    this.#count(line, byteLength);
    return true;
  }

  /** What is said to the peer, until the signal aborts or it opens another. Throws `busy`. */
  async *open(peerId: string, signal: AbortSignal): AsyncGenerator<PeerMessage> {
    if (!this.has(peerId) && this.count >= limits.lines.count) {
      throw refuse("BUSY", { message: "As many lines are open as may be", retryAfterMs: 30_000 });
    }
    const line: Line = { messages: new BoundedQueue(limits.lines.messages), bytes: 0 };
    this.#lines.get(peerId)?.messages.close();
    this.#lines.set(peerId, line);
    const onAbort = () => line.messages.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal.aborted) return;
      for await (const message of line.messages) {
        this.#count(line, -message.payload.byteLength);
        yield message;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      line.messages.close();
      this.#count(line, -line.bytes);
      if (this.#lines.get(peerId) === line) this.#lines.delete(peerId);
    }
  }

  #count(line: Line, bytes: number): void {
    line.bytes += bytes;
    this.#bytes += bytes;
  }
}
