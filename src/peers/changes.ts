/** Names in the book to be stored: what must be soon, what may wait, and what is gone. */
export class Changes {
  readonly #changed = new Set<string>();
  /** Scores move all the time. */
  readonly #moved = new Set<string>();
  readonly #forgotten = new Set<string>();

  changed(peerId: string): void {
    this.#changed.add(peerId);
    this.#forgotten.delete(peerId);
  }

  moved(peerId: string): void {
    this.#moved.add(peerId);
  }

  forgotten(peerId: string): void {
    this.#changed.delete(peerId);
    this.#moved.delete(peerId);
    this.#forgotten.add(peerId);
  }

  /** Each is given out once; `all` with what only moved. */
  take(options: { all: boolean }): { changed: string[]; forgotten: string[] } {
    const ids = new Set(options.all ? [...this.#changed, ...this.#moved] : this.#changed);
    const forgotten = [...this.#forgotten];
    this.#changed.clear();
    if (options.all) this.#moved.clear();
    this.#forgotten.clear();
    return { changed: [...ids], forgotten };
  }
}
