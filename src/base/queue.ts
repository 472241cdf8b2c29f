import { assert } from "./assert.ts";

/**
 * A bounded queue between one or more producers and one consumer. `push` waits while it is full:
 * that is how back-pressure travels from the database to the wire. `close` lets the consumer drain
 * what is there and then ends; `fail` ends it with an error on both sides and drops what is there.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #state: "open" | "closed" | "failed" = "open";
  #error: unknown;
  #waitingConsumers: (() => void)[] = [];
  #waitingProducers: (() => void)[] = [];

  constructor(readonly capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, "a queue's capacity is a positive integer");
  }

  get size(): number {
    return this.#items.length;
  }

  /** Waits for room. False when the queue was closed meanwhile and the item was not taken. */
  async push(item: T): Promise<boolean> {
    while (this.#state === "open" && this.#items.length >= this.capacity) {
      await new Promise<void>((resolve) => this.#waitingProducers.push(resolve));
    }
    if (this.#state === "failed") throw this.#error;
    return this.tryPush(item);
  }

  /** False when the queue is full or closed: the item was not taken. */
  tryPush(item: T): boolean {
    if (this.#state !== "open" || this.#items.length >= this.capacity) return false;
    this.#items.push(item);
    this.#waitingConsumers.shift()?.();
    return true;
  }

  /** The items at the front that are wanted, as far as they are there already. */
  takeWhile(isWanted: (item: T) => boolean): T[] {
    const end = this.#items.findIndex((item) => !isWanted(item));
    const taken = this.#items.splice(0, end < 0 ? this.#items.length : end);
    for (const _ of taken) this.#waitingProducers.shift()?.();
    return taken;
  }

  close(): void {
    if (this.#state === "open") this.#state = "closed";
    this.#wakeAll();
  }

  fail(error: unknown): void {
    if (this.#state === "failed") return;
    this.#state = "failed";
    this.#error = error;
    this.#items.length = 0;
    this.#wakeAll();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      if (this.#state === "failed") throw this.#error;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#waitingProducers.shift()?.();
        yield item;
      } else if (this.#state === "closed") {
        return;
      } else {
        await new Promise<void>((resolve) => this.#waitingConsumers.push(resolve));
      }
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waitingConsumers.splice(0)) wake();
    for (const wake of this.#waitingProducers.splice(0)) wake();
  }
}
