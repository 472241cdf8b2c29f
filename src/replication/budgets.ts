/**
 * Owns how many bytes of dockets a second may leave and come in: in all, a peer, and a register. 0
 * is no bound. What is over a bound waits, so that it stays where it came from: a stream's source
 * is not asked for more, and a peer's bytes wait on the wire. Nothing is dropped. `rpc/serving.ts`
 * spends before it sends, `binding.ts` before it takes. Where it is not open there are no bounds.
 */
import { LRUCache } from "lru-cache";
import { assert } from "../base/assert.ts";
import { isAbort } from "../base/error.ts";
import { Pace } from "../base/pace.ts";
import { childOf } from "../base/signal.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";

export interface BudgetSettings {
  sendBytesPerSecond: number;
  receiveBytesPerSecond: number;
  onePeerSendBytesPerSecond: number;
  onePeerReceiveBytesPerSecond: number;
  registerSendBytesPerSecond: number;
  registerReceiveBytesPerSecond: number;
}

export interface Spending {
  direction: "send" | "receive";
  peerId: string;
  registerId: string;
  bytes: number;
  signal: AbortSignal;
}

let current: Budgets | null = null;

export function open(settings: BudgetSettings, clock: Clock): void {
  assert(current === null, "the budgets are opened once");
  current = new Budgets(settings, clock);
}

export function close(): void {
  current?.change(unbounded);
  current = null;
}

/** The bounds from now on; who waits for the old ones is told anew. */
export function change(settings: BudgetSettings): void {
  current?.change(settings);
}

/** Resolves when these bytes may go; throws an `AbortError` when the signal aborts before. */
export async function spend(spending: Spending): Promise<void> {
  await current?.spend(spending);
}

/** Pages of the register wait here for their turn: that they do not come is no source's fault. */
export function isWaiting(registerId: string): boolean {
  return current?.isWaiting(registerId) ?? false;
}

/** Bytes to be sent at once: so few, under a tight bound, that no reader waits for long. */
export function sendBytesAtOnce(): number {
  return current?.sendBytesAtOnce() ?? limits.frameBytes;
}

const unbounded: BudgetSettings = {
  sendBytesPerSecond: 0,
  receiveBytesPerSecond: 0,
  onePeerSendBytesPerSecond: 0,
  onePeerReceiveBytesPerSecond: 0,
  registerSendBytesPerSecond: 0,
  registerReceiveBytesPerSecond: 0,
};

export class Budgets {
  readonly #paces = new LRUCache<string, Pace>({ max: limits.rateBuckets });
  readonly #waiting = new Map<string, number>();
  #changed = new AbortController();

  constructor(
    private settings: BudgetSettings,
    private readonly clock: Clock,
  ) {}

  change(settings: BudgetSettings): void {
    this.settings = settings;
    this.#paces.clear();
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  async spend(spending: Spending): Promise<void> {
    const { direction, registerId, signal } = spending;
    for (;;) {
      const changed = this.#changed;
      const waitMs = this.#take(spending);
      if (waitMs <= 0) return;
      const sleeping = childOf(signal);
      const onChange = () => sleeping.abort();
      changed.signal.addEventListener("abort", onChange, { once: true });
      if (direction === "receive") this.#count(registerId, 1);
      try {
        await this.clock.sleep(waitMs, sleeping.signal);
        return;
      } catch (error) {
        if (signal.aborted || !isAbort(error)) throw error;
      } finally {
        if (direction === "receive") this.#count(registerId, -1);
        changed.signal.removeEventListener("abort", onChange);
        sleeping.dispose();
      }
    }
  }

  isWaiting(registerId: string): boolean {
    return this.#waiting.has(registerId);
  }

  sendBytesAtOnce(): number {
    const { sendBytesPerSecond, onePeerSendBytesPerSecond, registerSendBytesPerSecond } =
      this.settings;
    const rates = [sendBytesPerSecond, onePeerSendBytesPerSecond, registerSendBytesPerSecond];
    const tightest = Math.min(...rates.filter((rate) => rate > 0), limits.frameBytes);
    return Math.max(smallestBytes, Math.min(limits.frameBytes, tightest));
  }

  /** Takes a turn of every bound there is; the longest wait holds. */
  #take({ direction, peerId, registerId, bytes }: Spending): number {
    const { settings } = this;
    const isSend = direction === "send";
    const bounds: [string, number][] = [
      ["all", isSend ? settings.sendBytesPerSecond : settings.receiveBytesPerSecond],
      [
        `peer ${peerId}`,
        isSend ? settings.onePeerSendBytesPerSecond : settings.onePeerReceiveBytesPerSecond,
      ],
      [
        `register ${registerId}`,
        isSend ? settings.registerSendBytesPerSecond : settings.registerReceiveBytesPerSecond,
      ],
    ];
    const nowMs = this.clock.monotonicMs();
    let waitMs = 0;
    for (const [name, perSecond] of bounds) {
      if (perSecond === 0) continue;
      const key = `${direction} ${name}`;
      const pace = this.#paces.get(key) ?? new Pace(perSecond);
      this.#paces.set(key, pace);
      waitMs = Math.max(waitMs, pace.take(bytes, nowMs));
    }
    return waitMs;
  }

  #count(registerId: string, by: 1 | -1): void {
    const count = (this.#waiting.get(registerId) ?? 0) + by;
    if (count > 0) this.#waiting.set(registerId, count);
    else this.#waiting.delete(registerId);
  }
}

const smallestBytes = 64 * 1_024;

/** The pages, each once it may come in. */
export async function* withinBudget<Page extends { bytes: Uint8Array }>(
  pages: AsyncIterable<Page>,
  whose: { peerId: string; registerId: string; signal: AbortSignal },
): AsyncGenerator<Page, void, void> {
  for await (const page of pages) {
    await spend({ ...whose, direction: "receive", bytes: page.bytes.byteLength });
    yield page;
  }
}
