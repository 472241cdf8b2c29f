/** One at a time, in the order of asking. A failed turn does not stop the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Nobody has a turn or waits for one. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  run<T>(turn: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const mine = this.#tail.then(turn, turn);
    this.#tail = mine.catch(() => undefined);
    return mine.finally(() => {
      this.#waiting -= 1;
    });
  }
}
