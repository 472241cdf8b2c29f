import { PeerError } from "../base/error.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { keyOf } from "./gossip.ts";

/** An own transaction on its way to a docket that others seal. */
interface Delivery extends Parcel {
  /** When a peer first took it, monotonic ms; null: nobody could be told yet. */
  toldAtMs: number | null;
  nextTellMs: number;
  waitMs: number;
  resolve: (docketNumber: number) => void;
  reject: (error: unknown) => void;
}

/** What is to be delivered. */
interface Parcel {
  registerId: string;
  transactionId: string;
  /** Of its document. */
  bytes: number;
  tell: () => void;
}

/** A register's deliveries, each in the order of arrival: those being told, those not yet. */
interface Lane {
  told: Set<Delivery>;
  toldBytes: number;
  waiting: Set<Delivery>;
}

/**
 * Sees own transactions to their dockets: each is told again, less and less often, until a docket
 * holds it. The time begins once a peer has heard of it: while nobody can be told, nothing is lost
 * and no patience spent. Of a register so many are told as a peer takes of one signer; each docket
 * makes room for the next, so that a long queue drains as fast as it is sealed. A value.
 */
export class Deliveries {
  readonly #deliveries = new Map<string, Delivery>();
  readonly #lanes = new Map<string, Lane>();
  readonly #looking: { stop: () => Promise<void> };

  constructor(private readonly clock: Clock) {
    const tick = async () => this.#look();
    this.#looking = every(limits.gossip.roundMs, { clock, tick });
  }

  get count(): number {
    return this.#deliveries.size;
  }

  /** Resolves with the docket's number. Rejects with `not-sealed` when that takes too long. */
  begin(parcel: Parcel): Promise<number> {
    const { registerId, transactionId } = parcel;
    return new Promise((resolve, reject) => {
      const key = keyOf(registerId, transactionId);
      this.#end(key)?.reject(stopped());
      const waitMs = limits.delivery.tellAgainMs;
      const delivery = { ...parcel, toldAtMs: null, nextTellMs: 0, waitMs, resolve, reject };
      this.#deliveries.set(key, delivery);
      const lane = this.#lanes.get(registerId) ?? newLane();
      this.#lanes.set(registerId, lane);
      lane.waiting.add(delivery);
      this.#fill(lane);
    });
  }

  told(registerId: string, transactionIds: readonly string[]): void {
    for (const transactionId of transactionIds) {
      const delivery = this.#deliveries.get(keyOf(registerId, transactionId));
      if (delivery !== undefined) delivery.toldAtMs ??= this.clock.monotonicMs();
    }
  }

  sealed(registerId: string, transactionId: string, docketNumber: number): void {
    this.#end(keyOf(registerId, transactionId))?.resolve(docketNumber);
  }

  /** The register's own, by id: to be looked for in the store. */
  of(registerId: string): string[] {
    const { told = [], waiting = [] } = this.#lanes.get(registerId) ?? {};
    return [...told, ...waiting].map(({ transactionId }) => transactionId);
  }

  registerIds(): Iterable<string> {
    return this.#lanes.keys();
  }

  has(registerId: string): boolean {
    return this.#lanes.has(registerId);
  }

  async close(): Promise<void> {
    await this.#looking.stop();
    const left = [...this.#deliveries.values()];
    this.#deliveries.clear();
    this.#lanes.clear();
    for (const { reject } of left) reject(stopped());
  }

  #look(): void {
    const nowMs = this.clock.monotonicMs();
    for (const { told } of [...this.#lanes.values()]) {
      for (const delivery of [...told]) this.#lookAt(delivery, nowMs);
    }
  }

  #lookAt(delivery: Delivery, nowMs: number): void {
    const { toldAtMs, registerId, transactionId } = delivery;
    if (toldAtMs !== null && nowMs - toldAtMs > limits.delivery.patienceMs) {
      this.#end(keyOf(registerId, transactionId))?.reject(notSealed());
    } else if (nowMs >= delivery.nextTellMs) {
      // While nobody can be told, trying costs nothing, and somebody may be there any moment.
      if (toldAtMs !== null) {
        delivery.waitMs = Math.min(delivery.waitMs * 2, limits.delivery.tellAgainMostMs);
      }
      delivery.nextTellMs = nowMs + delivery.waitMs;
      delivery.tell();
    }
  }

  /** Tells the next, as many as there is room for; one is told however large it is. */
  #fill(lane: Lane): void {
    const { atOnce, bytesAtOnce } = limits.delivery;
    for (const next of lane.waiting) {
      const isFull = lane.told.size >= atOnce || lane.toldBytes + next.bytes > bytesAtOnce;
      if (isFull && lane.told.size > 0) return;
      lane.waiting.delete(next);
      lane.told.add(next);
      lane.toldBytes += next.bytes;
      next.nextTellMs = this.clock.monotonicMs() + next.waitMs;
      next.tell();
    }
  }

  /** It is waited for no longer; its place is another's. */
  #end(key: string): Delivery | null {
    const delivery = this.#deliveries.get(key);
    if (delivery === undefined) return null;
    const { registerId, bytes } = delivery;
    this.#deliveries.delete(key);
    const lane = this.#lanes.get(registerId);
    if (lane === undefined) return delivery;
    lane.waiting.delete(delivery);
    if (lane.told.delete(delivery)) lane.toldBytes -= bytes;
    this.#fill(lane);
    if (lane.told.size === 0) this.#lanes.delete(registerId);
    return delivery;
  }
}

function newLane(): Lane {
  return { told: new Set(), toldBytes: 0, waiting: new Set() };
}

function notSealed(): PeerError {
  const seconds = limits.delivery.patienceMs / 1_000;
  return new PeerError("conflict", "not-sealed", {
    message: `Peers took it, and no validator sealed it within ${seconds} s`,
  });
}

function stopped(): PeerError {
  return new PeerError("unavailable", "stopping", { message: "It is no longer waited for" });
}
