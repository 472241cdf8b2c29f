import { Mutex } from "../base/mutex.ts";

/**
 * Takes sealed transactions off the queue, those that come while one statement runs with the next:
 * a hundred statements would cost more than the docket that sealed them. A value.
 */
export class Leaving {
  readonly #turns = new Mutex();
  readonly #next = new Map<string, { ids: string[]; taken: Promise<void> }>();

  constructor(
    private readonly takeOff: (registerId: string, transactionIds: string[]) => Promise<void>,
  ) {}

  /** Resolves once it is off; rejects together with those that went in the same statement. */
  leave(registerId: string, transactionId: string): Promise<void> {
    const next = this.#next.get(registerId);
    if (next !== undefined) {
      next.ids.push(transactionId);
      return next.taken;
    }
    const ids = [transactionId];
    const taken = this.#turns.run(() => {
      this.#next.delete(registerId);
      return this.takeOff(registerId, ids);
    });
    this.#next.set(registerId, { ids, taken });
    return taken;
  }
}
