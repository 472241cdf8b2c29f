/** Tells all who wait now that something happened; what it was they see for themselves. */
export class Bell {
  #next = Promise.withResolvers<void>();

  /** Resolves when it rings next. */
  get rung(): Promise<void> {
    return this.#next.promise;
  }

  ring(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
