import type { CheckedPage, Outcome } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { limits } from "../runtime/limits.ts";
import type { InFlight } from "./in-flight.ts";
import type { Range } from "./plan.ts";

/** A page of a catch-up that has come and is not stored yet. */
export interface Arrived {
  source: Source;
  range: Range;
  bytes: number;
  checked: Promise<Outcome<CheckedPage>>;
  /** Once it was found true. */
  value: CheckedPage | null;
}

/** The pages of a catch-up that wait for their turn, by the number of their first docket. */
export class Arrivals {
  readonly #pages = new Map<number, Arrived>();
  #bytes = 0;

  constructor(private readonly inFlight: InFlight) {}

  /** As much waits as may. */
  get isFull(): boolean {
    return this.inFlight.isFull || this.#bytes > 1.5 * this.inFlight.shareBytes;
  }

  has(number: number): boolean {
    return this.#pages.has(number);
  }

  get isEmpty(): boolean {
    return this.#pages.size === 0;
  }

  at(number: number): Arrived | undefined {
    return this.#pages.get(number);
  }

  add(page: Arrived): void {
    this.#pages.set(page.range.from, page);
    this.#bytes += page.bytes;
    this.inFlight.add(page.bytes);
  }

  /** False when it was taken before. */
  take(page: Arrived): boolean {
    if (this.#pages.get(page.range.from) !== page) return false;
    this.#pages.delete(page.range.from);
    this.#bytes -= page.bytes;
    this.inFlight.remove(page.bytes);
    return true;
  }

  /** The pages without a gap behind one, as far as they are checked and go into one transaction. */
  readyFrom(first: Arrived, value: CheckedPage): { page: Arrived; value: CheckedPage }[] {
    const ready = [{ page: first, value }];
    let { bytes } = first;
    for (let last = first; ; ) {
      const next = this.#pages.get(last.range.from + last.range.count);
      if (next === undefined || next.value === null) return ready;
      bytes += next.bytes;
      if (bytes > limits.commitBytes) return ready;
      ready.push({ page: next, value: next.value });
      last = next;
    }
  }

  /** Nobody waits for what is left: its failures go unheard. */
  abandon(): void {
    for (const { checked } of this.#pages.values()) checked.catch(() => undefined);
    this.#pages.clear();
    this.inFlight.remove(this.#bytes);
    this.#bytes = 0;
  }
}
