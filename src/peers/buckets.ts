import { createHash } from "node:crypto";

/**
 * Places for names, in buckets of a fixed size. Which buckets a name can get into depends on the
 * network group that vouches for it, by a secret of this node: one group reaches `reach` buckets
 * and no more, however many names it makes up.
 */
export class Buckets {
  readonly #buckets: Set<string>[];
  readonly #placeOf = new Map<string, number>();

  constructor(
    private readonly options: {
      /** Keeps others from choosing names that collide. */
      secret: string;
      bucketCount: number;
      bucketSize: number;
      /** Buckets that one group can get into. */
      reach: number;
    },
  ) {
    this.#buckets = Array.from({ length: options.bucketCount }, () => new Set());
  }

  get size(): number {
    return this.#placeOf.size;
  }

  has(name: string): boolean {
    return this.#placeOf.has(name);
  }

  /** Who stands where the name would; empty while there is room. */
  rivals(name: string, group: string): readonly string[] {
    const bucket = this.#bucketOf(name, group);
    return bucket.size < this.options.bucketSize ? [] : [...bucket];
  }

  /** False when its bucket is full. */
  add(name: string, group: string): boolean {
    if (this.has(name)) return true;
    const index = this.#indexOf(name, group);
    const bucket = this.#buckets[index] as Set<string>;
    if (bucket.size >= this.options.bucketSize) return false;
    bucket.add(name);
    this.#placeOf.set(name, index);
    return true;
  }

  delete(name: string): void {
    const index = this.#placeOf.get(name);
    if (index === undefined) return;
    this.#buckets[index]?.delete(name);
    this.#placeOf.delete(name);
  }

  #bucketOf(name: string, group: string): Set<string> {
    return this.#buckets[this.#indexOf(name, group)] as Set<string>;
  }

  #indexOf(name: string, group: string): number {
    const slot = this.#hash(`slot:${group}:${name}`) % this.options.reach;
    return this.#hash(`bucket:${group}:${slot}`) % this.options.bucketCount;
  }

  #hash(text: string): number {
    const digest = createHash("sha256").update(`${this.options.secret}:${text}`).digest();
    return digest.readUInt32BE(0);
  }
}
