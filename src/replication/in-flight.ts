import { Bell } from "../base/bell.ts";
import { limits } from "../runtime/limits.ts";

/**
 * Owns the count of what lies between wire and store over all registers of the node: bytes of
 * pages that came and are not stored, and how many catch-ups are at it. Catch-ups and pipelines
 * tell it what they hold and ask it how much they may. It never keeps a page, and it never holds
 * up the page that a register's others wait for: so whatever is held comes to be stored.
 */
export class InFlight {
  #bytes = 0;
  #askedBytes = 0;
  #catchUps = 0;
  readonly #room = new Bell();

  get bytes(): number {
    return this.#bytes;
  }

  /** No register takes in more than the page that it needs next. */
  get isFull(): boolean {
    return this.#bytes + this.#askedBytes >= limits.inFlightBytes;
  }

  /** What one catch-up may hold while so many are at it: few go far ahead, many a little each. */
  get shareBytes(): number {
    const share = Math.floor(limits.inFlightBytes / Math.max(1, this.#catchUps));
    return Math.min(limits.catchUpBytes, share);
  }

  /** Resolves when there is room again. */
  get whenRoom(): Promise<void> {
    return this.isFull ? this.#room.rung : Promise.resolve();
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isFull) this.#room.ring();
  }

  /** What a question may bring counts as long as it is under way and has not come. */
  ask(bytes: number): Asked {
    this.#askedBytes += bytes;
    let left = bytes;
    const settle = (came: number) => {
      const settled = Math.min(left, came);
      left -= settled;
      this.#askedBytes -= settled;
      this.remove(0);
    };
    return { bytes, came: settle, end: () => settle(left) };
  }

  async duringCatchUp<T>(work: () => Promise<T>): Promise<T> {
    this.#catchUps += 1;
    try {
      return await work();
    } finally {
      this.#catchUps -= 1;
    }
  }
}

/** A question that is under way. */
export interface Asked {
  /** What it may bring. */
  readonly bytes: number;
  came(bytes: number): void;
  end(): void;
}

/** One pipeline's part of it. */
export class Held {
  #bytes = 0;
  #isOver = false;
  readonly #less = new Bell();

  constructor(private readonly inFlight: InFlight) {}

  add(bytes: number): void {
    if (this.#isOver) return;
    this.#bytes += bytes;
    this.inFlight.add(bytes);
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.inFlight.remove(bytes);
    this.#less.ring();
  }

  /** Waits while the node is full, unless nothing is held here. */
  async room(): Promise<void> {
    while (this.inFlight.isFull && this.#bytes > 0 && !this.#isOver) {
      await Promise.race([this.inFlight.whenRoom, this.#less.rung]);
    }
  }

  /** Nothing is held any longer, and nobody waits. */
  end(): void {
    this.#isOver = true;
    this.remove(this.#bytes);
  }
}

/** The node's. */
export const inFlight = new InFlight();
