/**
 * Owns the newest dockets of each register in memory, in front of the store and never in its place:
 * what is here was committed or read there, and dropping it costs time only. `feed.ts` fills it
 * with what is committed, `stored-dockets.ts` reads it and fills it with what was read, `purge.ts`
 * and `subscriptions.ts` empty it. Where it is not open nothing is kept, and all is read from the
 * table.
 */
import { assert, present } from "../base/assert.ts";
import { isEqual } from "../base/bytes.ts";
import { headerLength } from "../dockets/bundle.ts";
import { limits } from "../runtime/limits.ts";
import type { BundleRange, StoredBundle } from "./dockets-table.ts";

/** For metrics. `hits` and `misses` count reads; the rest is what is here now. */
export interface CacheFigures {
  hits: number;
  misses: number;
  bytes: number;
  registers: number;
  dockets: number;
  transactions: number;
}

let current: HotCache | null = null;

export function open(options: { bytesMax: number }): void {
  assert(current === null, "the hot cache is opened once");
  current = new HotCache(options);
}

export function close(): void {
  current = null;
}

/** Null where there is no cache. */
export function hotCache(): HotCache | null {
  return current;
}

export function cacheFigures(): CacheFigures {
  return current?.figures() ?? { ...nothing };
}

const nothing = { hits: 0, misses: 0, bytes: 0, registers: 0, dockets: 0, transactions: 0 };

/** What a docket takes besides its bytes: the objects that it hangs on. */
const overheadBytes = 256;

/** An unbroken run of dockets that ends where the newest of them does. */
interface Run {
  first: number;
  last: number;
  dockets: Map<number, StoredBundle>;
  transactions: number;
  bytes: number;
}

/**
 * A run of dockets a register, bounded by dockets and transactions a register and by bytes over
 * all of them. The oldest go first, and of the register that takes the most, so that one which is
 * brought here in bulk does not push out the heads of the others.
 */
export class HotCache {
  readonly #runs = new Map<string, Run>();
  readonly #bytesMax: number;
  #bytes = 0;
  #drops = 0;
  #hits = 0;
  #misses = 0;

  constructor(options: { bytesMax: number }) {
    this.#bytesMax = options.bytesMax;
  }

  /** Moves whenever something is dropped: what was read before that may be out of date. */
  get drops(): number {
    return this.#drops;
  }

  /**
   * What was committed, in order. Dockets that do not follow what is here take its place.
   */
  keepCommitted(registerId: string, dockets: readonly StoredBundle[]): void {
    for (const docket of dockets) {
      const run = this.#runs.get(registerId);
      if (run !== undefined && docket.number !== run.last + 1) this.#forget(registerId, run);
      this.#add(registerId, docket);
    }
  }

  /** What was read: it is kept where it adjoins the run, and below it only while there is room. */
  keepRead(registerId: string, dockets: readonly StoredBundle[]): void {
    for (const docket of dockets) {
      const run = this.#runs.get(registerId);
      if (run === undefined || docket.number === run.last + 1) this.#add(registerId, docket);
    }
    for (const docket of dockets.toReversed()) {
      const run = this.#runs.get(registerId);
      if (run?.first === docket.number + 1 && this.#hasRoomFor(run, docket)) {
        this.#add(registerId, docket);
      }
    }
  }

  /**
   * The dockets from `next` on that are here, as much as the range's bounds allow; null where
   * docket `next` is not, or only the policy chain is asked for. The bytes are shared and not to
   * change.
   */
  read(range: BundleRange): StoredBundle[] | null {
    const run = this.#runs.get(range.registerId);
    const isHere = run !== undefined && range.next >= run.first && range.next <= run.last;
    if (!isHere || range.controlOnly) {
      this.#misses += 1;
      return null;
    }
    this.#hits += 1;
    const found: StoredBundle[] = [];
    let bytes = 0;
    for (let number = range.next; number <= run.last && found.length < range.countMax; number++) {
      const docket = present(run.dockets.get(number), "a docket within its run");
      const wanted = range.headersOnly ? headerOf(docket) : docket;
      bytes += wanted.bundle.byteLength;
      if (found.length > 0 && bytes > range.bytesMax) break;
      found.push(wanted);
    }
    return found;
  }

  /** Whether this is, byte for byte, the document of a docket that is here. */
  holds(shown: { registerId: string; number: number; docketData: Uint8Array }): boolean {
    const docket = this.#runs.get(shown.registerId)?.dockets.get(shown.number);
    if (docket === undefined) return false;
    const end = headerLength(docket.bundle);
    const start = Math.max(0, end - shown.docketData.length);
    return isEqual(docket.bundle.subarray(start, end), shown.docketData);
  }

  /** Nothing of the register is true any longer, or worth its room. */
  drop(registerId: string): void {
    this.#drops += 1;
    const run = this.#runs.get(registerId);
    if (run !== undefined) this.#forget(registerId, run);
  }

  /** What lies below docket `first` has gone from the store. */
  dropBelow(registerId: string, first: number): void {
    this.#drops += 1;
    const run = this.#runs.get(registerId);
    while (run !== undefined && run.dockets.size > 0 && run.first < first) {
      this.#evict(registerId, run);
    }
  }

  figures(): CacheFigures {
    const figures = { ...nothing, hits: this.#hits, misses: this.#misses, bytes: this.#bytes };
    for (const run of this.#runs.values()) {
      figures.registers += 1;
      figures.dockets += run.dockets.size;
      figures.transactions += run.transactions;
    }
    return figures;
  }

  #add(registerId: string, docket: StoredBundle): void {
    const { number } = docket;
    const run = this.#runs.get(registerId) ?? {
      first: number,
      last: number,
      dockets: new Map(),
      transactions: 0,
      bytes: 0,
    };
    this.#runs.set(registerId, run);
    run.first = Math.min(run.first, number);
    run.last = Math.max(run.last, number);
    run.dockets.set(number, docket);
    run.transactions += docket.transactionCount;
    this.#count(run, sizeOf(docket));
    while (run.dockets.size > limits.hotDockets || run.transactions > limits.hotTransactions) {
      this.#evict(registerId, run);
    }
    while (this.#bytes > this.#bytesMax) this.#evict(...this.#largest());
  }

  #hasRoomFor(run: Run, docket: StoredBundle): boolean {
    return (
      run.dockets.size < limits.hotDockets &&
      run.transactions + docket.transactionCount <= limits.hotTransactions &&
      this.#bytes + sizeOf(docket) <= this.#bytesMax
    );
  }

  #evict(registerId: string, run: Run): void {
    const docket = present(run.dockets.get(run.first), "a run's oldest docket");
    run.dockets.delete(run.first);
    run.first += 1;
    run.transactions -= docket.transactionCount;
    this.#count(run, -sizeOf(docket));
    if (run.dockets.size === 0) this.#runs.delete(registerId);
  }

  #largest(): [string, Run] {
    let largest: [string, Run] | null = null;
    for (const entry of this.#runs) {
      if (largest === null || entry[1].bytes > largest[1].bytes) largest = entry;
    }
    return present(largest, "a register that takes room");
  }

  #forget(registerId: string, run: Run): void {
    this.#bytes -= run.bytes;
    this.#runs.delete(registerId);
  }

  #count(run: Run, bytes: number): void {
    run.bytes += bytes;
    this.#bytes += bytes;
  }
}

function sizeOf(docket: StoredBundle): number {
  return docket.bundle.byteLength + overheadBytes;
}

function headerOf(docket: StoredBundle): StoredBundle {
  return { ...docket, bundle: docket.bundle.subarray(0, headerLength(docket.bundle)) };
}
