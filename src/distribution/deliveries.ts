import { PeerError } from "../base/error.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { keyOf } from "./gossip.ts";

/** An own transaction on its way to a docket that others seal. */
interface Delivery {
  registerId: string;
  transactionId: string;
  /** When a peer first took it, monotonic ms; null: nobody could be told yet. */
  toldAtMs: number | null;
  nextTellMs: number;
  waitMs: number;
  tell: () => void;
  resolve: (docketNumber: number) => void;
  reject: (error: unknown) => void;
}

/**
 * Sees own transactions to their dockets: each is told again, less and less often, until a docket
 * holds it. The time begins once a peer has heard of it: while nobody can be told, nothing is lost
 * and no patience spent. A value.
 */
export class Deliveries {
  readonly #deliveries = new Map<string, Delivery>();
  readonly #looking: { stop: () => Promise<void> };

  constructor(private readonly clock: Clock) {
    const tick = async () => this.#look();
    this.#looking = every(limits.gossip.roundMs, { clock, tick });
  }

  get count(): number {
    return this.#deliveries.size;
  }

  /** Resolves with the docket's number. Rejects with `not-sealed` when that takes too long. */
  begin(registerId: string, transactionId: string, tell: () => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const key = keyOf(registerId, transactionId);
      this.#deliveries.get(key)?.reject(stopped());
      const waitMs = limits.delivery.tellAgainMs;
      const nextTellMs = this.clock.monotonicMs() + waitMs;
      const toldAtMs = null;
      this.#deliveries.set(key, {
        ...{ registerId, transactionId, toldAtMs, nextTellMs, waitMs, tell, resolve, reject },
      });
      tell();
    });
  }

  told(registerId: string, transactionIds: readonly string[]): void {
    for (const transactionId of transactionIds) {
      const delivery = this.#deliveries.get(keyOf(registerId, transactionId));
      if (delivery !== undefined) delivery.toldAtMs ??= this.clock.monotonicMs();
    }
  }

  sealed(registerId: string, transactionId: string, docketNumber: number): void {
    const key = keyOf(registerId, transactionId);
    this.#deliveries.get(key)?.resolve(docketNumber);
    this.#deliveries.delete(key);
  }

  /** The register's own, by id: to be looked for in the store. */
  of(registerId: string): string[] {
    const own = [...this.#deliveries.values()].filter((one) => one.registerId === registerId);
    return own.map(({ transactionId }) => transactionId);
  }

  registerIds(): Set<string> {
    return new Set([...this.#deliveries.values()].map(({ registerId }) => registerId));
  }

  async close(): Promise<void> {
    await this.#looking.stop();
    for (const key of [...this.#deliveries.keys()]) this.#end(key, stopped());
  }

  #look(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [key, delivery] of this.#deliveries) {
      const { toldAtMs } = delivery;
      if (toldAtMs !== null && nowMs - toldAtMs > limits.delivery.patienceMs) {
        this.#end(key, notSealed());
      } else if (nowMs >= delivery.nextTellMs) {
        // While nobody can be told, trying costs nothing, and somebody may be there any moment.
        if (toldAtMs !== null) {
          delivery.waitMs = Math.min(delivery.waitMs * 2, limits.delivery.tellAgainMostMs);
        }
        delivery.nextTellMs = nowMs + delivery.waitMs;
        delivery.tell();
      }
    }
  }

  #end(key: string, error: PeerError): void {
    const delivery = this.#deliveries.get(key);
    this.#deliveries.delete(key);
    delivery?.reject(error);
  }
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
