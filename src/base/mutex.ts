/** One at a time, in the order of asking. A failed turn does not stop the next. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(turn: () => Promise<T>): Promise<T> {
    const mine = this.#tail.then(turn, turn);
    this.#tail = mine.catch(() => undefined);
    return mine;
  }
}
