/**
 * Values of one label: the first `max` that come are told as they are, all others as `other`. For
 * codes that may come from strangers, so that nobody can make this node keep numbers without end.
 */
export class BoundedLabel {
  readonly #known = new Set<string>();

  constructor(readonly max: number) {}

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.max) return "other";
    this.#known.add(value);
    return value;
  }
}
