import type { Transaction } from "../dockets/types.ts";

/** A transaction that was found true and that no docket holds yet. */
export interface Pending {
  transaction: Transaction;
  /** The document, byte for byte. */
  bytes: Uint8Array;
  /** Who brought it; null: it was submitted here. */
  from: string | null;
  /** Monotonic ms. */
  atMs: number;
}

/** author: too many of one signer · peer: too many by one peer · full: too many of all. */
export type Full = "author" | "peer" | "full";

export interface PoolOptions {
  countMax: number;
  bytesMax: number;
  ageMs: number;
  monotonicMs: () => number;
  /** Told of what left without a docket. */
  onEvicted: (pending: Pending, why: "full" | "age") => void;
}

/** What one author, and what one peer, may fill of the pool. */
const authorShare = 1 / 4;
const peerShare = 1 / 2;

/**
 * The transactions of a node that wait for a docket. Those that peers brought are bounded by count,
 * bytes, author and bringer: a flood by one of them drives out its own and nobody else's. Our own
 * are bounded by the queue that keeps them, and never driven out. A value.
 */
export class Pool {
  readonly #registers = new Map<string, Map<string, Pending>>();
  readonly #authors = new Tally();
  readonly #peers = new Tally();
  #count = 0;
  #bytes = 0;

  constructor(private readonly options: PoolOptions) {}

  /** What peers brought, and what is our own. */
  get count(): number {
    let count = 0;
    for (const pendings of this.#registers.values()) count += pendings.size;
    return count;
  }

  /** Of what peers brought. */
  get bytes(): number {
    return this.#bytes;
  }

  get(registerId: string, transactionId: string): Pending | null {
    return this.#registers.get(registerId)?.get(transactionId) ?? null;
  }

  /** In the order of arrival. */
  of(registerId: string): Iterable<Pending> {
    return this.#registers.get(registerId)?.values() ?? [];
  }

  registerIds(): string[] {
    return [...this.#registers.keys()];
  }

  /** Null once it is in, or was already; else what is full. */
  add(pending: Pending): Full | null {
    const { registerId, transactionId } = pending.transaction;
    const known = this.get(registerId, transactionId);
    if (known !== null) {
      if (pending.from === null && known.from !== null) this.#own(known);
      return null;
    }
    const full = pending.from === null ? null : this.#makeRoom(pending);
    if (full !== null) return full;
    const pendings = this.#registers.get(registerId) ?? new Map<string, Pending>();
    this.#registers.set(registerId, pendings.set(transactionId, pending));
    if (pending.from !== null) this.#tally(pending, 1);
    return null;
  }

  /** It has a docket, or nobody wants it any more. */
  remove(registerId: string, transactionId: string): Pending | null {
    const pendings = this.#registers.get(registerId);
    const pending = pendings?.get(transactionId);
    if (pendings === undefined || pending === undefined) return null;
    pendings.delete(transactionId);
    if (pendings.size === 0) this.#registers.delete(registerId);
    if (pending.from !== null) this.#tally(pending, -1);
    return pending;
  }

  /** What peers brought long ago goes: whoever submitted it still has it, and tells again. */
  expire(): void {
    const before = this.options.monotonicMs() - this.options.ageMs;
    for (const pendings of [...this.#registers.values()]) {
      for (const pending of [...pendings.values()]) {
        if (pending.from !== null && pending.atMs < before) this.#evict(pending, "age");
      }
    }
  }

  #makeRoom(pending: Pending): Full | null {
    const { countMax, bytesMax } = this.options;
    const { byteLength } = pending.bytes;
    const isOver = (has: { count: number; bytes: number }, share: number) =>
      has.count + 1 > countMax * share || has.bytes + byteLength > bytesMax * share;
    const author = authorOf(pending);
    if (isOver(this.#authors.of(author), authorShare)) return "author";
    if (isOver(this.#peers.of(pending.from ?? ""), peerShare)) return "peer";
    while (this.#count + 1 > countMax || this.#bytes + byteLength > bytesMax) {
      const by = this.#count + 1 > countMax ? "count" : "bytes";
      const largest = this.#authors.largest(by);
      if (largest === null || largest.name === author) return "full";
      const [oldest] = largest.pendings;
      if (oldest === undefined) return "full";
      this.#evict(oldest, "full");
    }
    return null;
  }

  #evict(pending: Pending, why: "full" | "age"): void {
    this.remove(pending.transaction.registerId, pending.transaction.transactionId);
    this.options.onEvicted(pending, why);
  }

  /** A peer brought it, and now it is submitted here as well. */
  #own(pending: Pending): void {
    this.#tally(pending, -1);
    pending.from = null;
  }

  #tally(pending: Pending, sign: 1 | -1): void {
    this.#count += sign;
    this.#bytes += sign * pending.bytes.byteLength;
    this.#authors.count(authorOf(pending), pending, sign);
    this.#peers.count(pending.from ?? "", pending, sign);
  }
}

/** Whose key signed it: all that is beyond doubt of its author. */
function authorOf({ transaction }: Pending): string {
  return transaction.signatures[0]?.publicKey ?? "";
}

interface Share {
  name: string;
  count: number;
  bytes: number;
  /** The oldest first. */
  pendings: Set<Pending>;
}

/** How much of the pool is whose. */
class Tally {
  readonly #shares = new Map<string, Share>();

  of(name: string): { count: number; bytes: number } {
    return this.#shares.get(name) ?? { count: 0, bytes: 0 };
  }

  count(name: string, pending: Pending, sign: 1 | -1): void {
    const share = this.#shares.get(name) ?? { name, count: 0, bytes: 0, pendings: new Set() };
    this.#shares.set(name, share);
    share.count += sign;
    share.bytes += sign * pending.bytes.byteLength;
    if (sign > 0) share.pendings.add(pending);
    else share.pendings.delete(pending);
    if (share.count === 0) this.#shares.delete(name);
  }

  largest(by: "count" | "bytes"): Share | null {
    let largest: Share | null = null;
    for (const share of this.#shares.values()) {
      if (largest === null || share[by] > largest[by]) largest = share;
    }
    return largest;
  }
}
