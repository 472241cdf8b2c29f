/**
 * How a transaction that no docket holds yet gets to everybody who holds its register: ids are
 * told, bodies are asked for. Owns the pool of what waits, whom it tells first, and what it is
 * fetching. A value, of which a process may have many: clock, dice and all it does to the outside
 * are handed to it. It never stores a docket, and believes nothing it has not checked.
 *
 * An id that is unknown is asked of one announcer; another is asked when that one is silent, lacks
 * it, or gives something false. What was found true is told on at once to the eager links and, a
 * round later and batched, to others: so it arrives about once, and loss is mended by the rest.
 */
import type { Outcome, Transaction } from "../dockets/types.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { Chase, type Wanted } from "./chase.ts";
import type { Pending, Pool } from "./pool.ts";
import type { Seen } from "./seen.ts";
import { Spread } from "./spread.ts";

export interface Announced {
  transactionId: string;
  /** Of the document. */
  bytes: number;
}

export interface Announcement {
  registerId: string;
  items: readonly Announced[];
  /** Told as a repair: whoever lacks it wants to hear at once from now on. */
  isLazy: boolean;
}

export interface Answer {
  /** Nothing of it was news. */
  alreadyKnown: boolean;
  /** Some of it is asked of the teller. */
  willRequest: boolean;
}

/** missing: it told of what it doesn't have · silent: no answer · false: what came is not true. */
export type Fault = "missing" | "silent" | "false";

export interface GossipOptions {
  clock: Clock;
  dice: () => number;
  fanout: number;
  pool: Pool;
  seen: Seen;
  /** Who holds the register, may hear of it, and can be reached. */
  holders: (registerId: string) => readonly string[];
  tell: (peerId: string, announcement: Announcement) => Promise<Answer>;
  /** The body; null: the peer doesn't have it. Throws when it can't be reached. */
  fetch: (peerId: string, wanted: Wanted, signal: AbortSignal) => Promise<Uint8Array | null>;
  check: (bytes: Uint8Array, wanted: Wanted) => Outcome<Transaction>;
  /** Those of the ids that a stored docket holds. */
  findSealed: (registerId: string, transactionIds: readonly string[]) => Promise<Set<string>>;
  /** Something new is in the pool; it came from a peer. */
  onTaken: (pending: Pending) => void;
  onFault: (peerId: string, fault: { kind: Fault; reason: string }) => void;
  /** A peer was told, and answered. */
  onTold?: (registerId: string, transactionIds: readonly string[]) => void;
  onDuplicate?: () => void;
  onRefused?: (wanted: Wanted, code: string) => void;
}

export class Gossip {
  readonly #chase: Chase;
  readonly #spread: Spread;

  constructor(private readonly options: GossipOptions) {
    this.#spread = new Spread(options);
    this.#chase = new Chase({ ...options, onBody: (body) => this.#take(body) });
  }

  /** Begins the rounds of repair. */
  start(): void {
    this.#spread.start();
  }

  async stop(): Promise<void> {
    this.#chase.stop();
    await this.#spread.stop();
  }

  /** A peer tells of transactions; what is unknown is asked for, of it or of an earlier teller. */
  hear(peerId: string, announcement: Announcement): Answer {
    const { registerId, items } = announcement;
    const { pool, seen } = this.options;
    let isAllKnown = true;
    const wanted: Wanted[] = [];
    for (const { transactionId, bytes } of items) {
      this.#spread.noteHolder(registerId, transactionId, peerId);
      if (
        pool.get(registerId, transactionId) !== null ||
        seen.has(keyOf(registerId, transactionId))
      )
        continue;
      if (bytes < 0 || bytes > limits.transactionBytes) continue;
      if (this.#chase.noteTeller({ registerId, transactionId }, peerId)) continue;
      isAllKnown = false;
      wanted.push({ registerId, transactionId, bytes });
    }
    const willRequest = wanted.length > 0 && this.#chase.begin(peerId, wanted);
    if (isAllKnown) this.options.onDuplicate?.();
    return { alreadyKnown: isAllKnown, willRequest };
  }

  /** One of our own: kept until it is sealed, and told. Telling it again does no harm. */
  offer(built: { transaction: Transaction; bytes: Uint8Array }): void {
    const { transaction, bytes } = built;
    const atMs = this.options.clock.monotonicMs();
    this.options.pool.add({ transaction, bytes, from: null, atMs });
    this.#spread.tell(transaction.registerId, announcedOf(built));
  }

  /** A docket holds them, or nobody wants them any more: nothing of them is asked or told. */
  drop(registerId: string, transactionIds: Iterable<string>): Pending[] {
    const { pool, seen } = this.options;
    const dropped: Pending[] = [];
    for (const transactionId of transactionIds) {
      seen.add(keyOf(registerId, transactionId));
      this.#chase.drop({ registerId, transactionId });
      this.#spread.drop(registerId, transactionId);
      const pending = pool.remove(registerId, transactionId);
      if (pending !== null) dropped.push(pending);
    }
    return dropped;
  }

  /** Bodies being asked for. */
  get fetching(): number {
    return this.#chase.count;
  }

  /** Transactions being told on. */
  get telling(): number {
    return this.#spread.count;
  }

  /** True when it is in the pool now. */
  #take(body: { transaction: Transaction; bytes: Uint8Array; from: string }): boolean {
    const { pool, clock, onTaken, onRefused } = this.options;
    const { registerId, transactionId } = body.transaction;
    const pending: Pending = { ...body, atMs: clock.monotonicMs() };
    const full = pool.add(pending);
    if (full !== null) {
      // Not seen: it may come again when there is room.
      onRefused?.({ registerId, transactionId, bytes: body.bytes.byteLength }, `pool-${full}`);
      return false;
    }
    this.#spread.tell(registerId, announcedOf(body));
    onTaken(pending);
    return true;
  }
}

export function keyOf(registerId: string, transactionId: string): string {
  return `${registerId} ${transactionId}`;
}

function announcedOf(built: { transaction: Transaction; bytes: Uint8Array }): Announced {
  return { transactionId: built.transaction.transactionId, bytes: built.bytes.byteLength };
}
