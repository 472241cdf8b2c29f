import { PeerError } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import type { Signer } from "../dockets/envelope.ts";
import type { Anchor, Head, Outcome, Refusal } from "../dockets/types.ts";
import type { Clock } from "../runtime/clock.ts";
import { type BuiltTransaction, sealBatch } from "./batch.ts";

/** What a sealer needs of the rest of the program. */
export interface SealerOptions {
  registerId: string;
  validatorId: string;
  signer: Signer;
  sealCount: number;
  sealMs: number;
  clock: Clock;
  /** Where the register stands. */
  anchor: () => Anchor;
  /** Takes a sealed page down the one road: verified, stored, fed. */
  takeIn: (page: { registerId: string; bytes: Uint8Array }) => Promise<Outcome<Head>>;
}

/**
 * Seals one register, of which this node is the single validator: collects transactions, and once
 * there are `sealCount`, or the first has waited `sealMs`, seals them. Nothing leaves the node
 * before its docket is stored, so a crash can't make two dockets of one number.
 */
export class Sealer {
  readonly #turns = new Mutex();
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #hurry: AbortController | null = null;

  constructor(private readonly options: SealerOptions) {}

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Resolves with the number of the docket that holds the transaction, once that is stored. */
  submit(built: BuiltTransaction): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ built, resolve, reject });
      this.#schedule();
    });
  }

  /** Seals these at once, in order, in dockets of their own. Resolves when all are stored. */
  sealNow(transactions: readonly BuiltTransaction[]): Promise<void> {
    return this.#turns.run(async () => {
      await this.#seal(transactions, () => {});
    });
  }

  /** Runs alone with respect to sealing: for checks that a seal in between would spoil. */
  alone<T>(
    turn: (seal: (transactions: readonly BuiltTransaction[]) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    return this.#turns.run(() => turn((transactions) => this.#seal(transactions, () => {})));
  }

  /** Seals what waits, without waiting for more. */
  async flush(): Promise<void> {
    this.#hurry?.abort();
    await this.#turns.run(() => this.#sealWaiting());
  }

  #schedule(): void {
    if (this.#waiting.length >= this.options.sealCount) this.#hurry?.abort();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const hurry = new AbortController();
    this.#hurry = hurry;
    if (this.#waiting.length >= this.options.sealCount) hurry.abort();
    const nap = this.options.clock.sleep(this.options.sealMs, hurry.signal).catch(() => undefined);
    void nap.then(() => this.#turns.run(() => this.#sealWaiting()));
  }

  async #sealWaiting(): Promise<void> {
    this.#isScheduled = false;
    const batch = this.#waiting.splice(0);
    let done = 0;
    try {
      await this.#seal(
        batch.map((waiting) => waiting.built),
        (count, number) => {
          for (const waiting of batch.slice(done, done + count)) waiting.resolve(number);
          done += count;
        },
      );
    } catch (error) {
      for (const waiting of batch.slice(done)) waiting.reject(error);
    }
  }

  async #seal(
    transactions: readonly BuiltTransaction[],
    onStored: (count: number, docketNumber: number) => void,
  ): Promise<void> {
    let rest = transactions;
    while (rest.length > 0) {
      const anchor = this.options.anchor();
      const sealed = sealBatch(rest, {
        anchor,
        validatorId: this.options.validatorId,
        signer: this.options.signer,
        sealCount: this.options.sealCount,
        nowMs: this.options.clock.nowMs(),
      });
      const outcome = await this.options.takeIn({
        registerId: this.options.registerId,
        bytes: sealed.bytes,
      });
      if (!outcome.ok) throw refusedByUs(outcome.refusal);
      for (const [index, count] of sealed.counts.entries()) {
        onStored(count, anchor.nextNumber + index);
      }
      rest = rest.slice(sealed.counts.reduce((sum, count) => sum + count, 0));
    }
  }
}

/** Verification found our own docket wanting: the register moved, or we have a defect. */
export function refusedByUs(refusal: Refusal): PeerError {
  return new PeerError("internal", "seal-refused", {
    message: `Our own docket was refused (${refusal.code}): ${refusal.message}`,
  });
}

interface Waiting {
  built: BuiltTransaction;
  resolve: (docketNumber: number) => void;
  reject: (error: unknown) => void;
}
