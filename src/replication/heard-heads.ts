import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { HeadAnnouncement } from "../wire/messages.ts";

export interface HeardHeadsOptions {
  /** Whether the very document that is shown is stored here. */
  isHeld: (head: HeadAnnouncement) => boolean;
  /** Finds out whether it is true, and what follows. Never throws. */
  look: (head: HeadAnnouncement, peerId: string) => void;
  clock: Pick<Clock, "sleep">;
  signal: AbortSignal;
}

/**
 * Heads that peers showed, looked at a moment later: by then nearly all of them have come by the
 * stream that is followed as well, and were verified there. Those are known by their bytes, without
 * checking their seals a second time. None is dropped: what there is no room for is looked at now.
 */
export class HeardHeads {
  #waiting: { head: HeadAnnouncement; peerId: string }[] = [];
  #bytes = 0;

  constructor(private readonly options: HeardHeadsOptions) {}

  hear(head: HeadAnnouncement, peerId: string): void {
    const { isHeld, look, clock, signal } = this.options;
    if (isHeld(head)) return;
    const bytes = this.#bytes + head.docketData.length + overheadBytes;
    if (bytes > limits.heardHeadBytes) {
      look(head, peerId);
      return;
    }
    this.#bytes = bytes;
    this.#waiting.push({ head, peerId });
    if (this.#waiting.length > 1) return;
    const due = () => this.#lookAtAll();
    clock.sleep(graceMs, signal).then(due, () => undefined);
  }

  #lookAtAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const { head, peerId } of waiting) {
      if (!this.options.isHeld(head)) this.options.look(head, peerId);
    }
  }
}

/** Several times what a docket takes from a source to the store; a tenth of what withholding is. */
const graceMs = 100;
const overheadBytes = 256;
