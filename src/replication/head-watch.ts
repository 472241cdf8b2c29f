import { backoffMs } from "../base/backoff.ts";
import { childOf } from "../base/signal.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { HeadAnnouncement } from "../wire/messages.ts";

export interface HeadWatchOptions {
  /** Which peer to ask about which registers, as things are now. */
  wanted: () => Map<string, readonly string[]>;
  announcements: (
    peerId: string,
    watched: { registerIds: readonly string[]; signal: AbortSignal },
  ) => AsyncIterable<HeadAnnouncement>;
  /** Not verified yet. */
  onHead: (head: HeadAnnouncement, peerId: string) => void;
  clock: Clock;
  dice: () => number;
}

interface Watch {
  key: string;
  stop: AbortController;
  attempt: number;
  /** Monotonic ms; before this it is not opened again. */
  opensMs: number;
  isOpen: boolean;
}

/**
 * Hears of the newest sealed dockets from peers beside the one that a register is pulled from: one
 * stream a peer for all registers, opened again when it ends or the registers change. That is how
 * a source that withholds news is found out. A value; it decides nothing about what is true.
 */
export class HeadWatch {
  readonly #watches = new Map<string, Watch>();

  constructor(private readonly options: HeadWatchOptions) {}

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look(signal);
      await this.options.clock.sleep(lookMs, signal).catch(() => undefined);
    }
    for (const watch of this.#watches.values()) watch.stop.abort();
  }

  #look(signal: AbortSignal): void {
    const wanted = this.options.wanted();
    for (const [peerId, watch] of this.#watches) {
      if (wanted.has(peerId)) continue;
      watch.stop.abort();
      this.#watches.delete(peerId);
    }
    const nowMs = this.options.clock.monotonicMs();
    for (const [peerId, registerIds] of wanted) {
      const asked = registerIds.slice(0, limits.subscriptions).toSorted();
      const key = asked.join("\n");
      const known = this.#watches.get(peerId);
      if (known?.isOpen && known.key === key) continue;
      if (known !== undefined && !known.isOpen && known.opensMs > nowMs) continue;
      known?.stop.abort();
      const stop = childOf(signal);
      const watch = { key, stop, attempt: known?.attempt ?? 0, opensMs: 0, isOpen: true };
      this.#watches.set(peerId, watch);
      this.#listen(peerId, watch, asked)
        .catch(() => undefined)
        .finally(() => {
          stop.dispose();
          watch.isOpen = false;
          const waitMs = backoffMs(watch.attempt, { ...retry, dice: this.options.dice });
          watch.opensMs = this.options.clock.monotonicMs() + waitMs;
          watch.attempt += 1;
        });
    }
  }

  async #listen(peerId: string, watch: Watch, registerIds: readonly string[]): Promise<void> {
    const { signal } = watch.stop;
    const heads = this.options.announcements(peerId, { registerIds, signal });
    for await (const head of heads) {
      watch.attempt = 0;
      if (registerIds.includes(head.registerId)) this.options.onHead(head, peerId);
    }
  }
}

const lookMs = 1_000;
const retry = { firstMs: 1_000, longestMs: 60_000 };
