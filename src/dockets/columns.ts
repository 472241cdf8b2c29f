import type { ScannedBundle } from "./bundle.ts";
import { isHash } from "./fields.ts";
import { sha256Hex } from "./hash.ts";
import type { Docket, Leaf, TransactionFacts } from "./types.ts";

/** The columns of a page's transactions, filled docket by docket. */
export class Columns {
  readonly facts: TransactionFacts;
  readonly #keys: Buffer;
  #at = 0;

  constructor(count: number) {
    const keys = new Uint8Array(16 * count);
    this.#keys = Buffer.from(keys.buffer);
    this.facts = {
      count,
      keys,
      docketNumbers: new Float64Array(count),
      positions: new Int32Array(count),
      offsets: new Int32Array(count),
      lengths: new Int32Array(count),
    };
  }

  add(docket: Docket, bundle: ScannedBundle): void {
    const { facts } = this;
    for (let position = 0; position < docket.transactions.length; position += 1) {
      const row = this.#at++;
      const { transactionId } = docket.transactions[position] as Leaf;
      this.#keys.write(keyHexOf(transactionId), 16 * row, "hex");
      facts.docketNumbers[row] = docket.docketNumber;
      facts.positions[row] = position;
      facts.offsets[row] = bundle.transactionOffsets[position] as number;
      facts.lengths[row] = bundle.transactionLengths[position] as number;
    }
  }
}

/**
 * The 16 bytes a transaction is looked up by. Two ids may share them: readers compare the id in the
 * document.
 */
export function transactionKey(transactionId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(keyHexOf(transactionId), "hex"));
}

function keyHexOf(transactionId: string): string {
  return (isHash(transactionId) ? transactionId : sha256Hex(transactionId)).slice(0, 32);
}
