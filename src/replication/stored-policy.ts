import { encodePage, readBundle } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import type { CheckedPage, Docket, Outcome, Policy } from "../dockets/types.ts";
import { listControlNumbers, readUnchecked } from "../registers/dockets-table.ts";
import { sql } from "../store/sql.ts";

/** Checks dockets that are stored here: a run of them, or a policy chain with its gaps. */
export type CheckStored = (
  page: { registerId: string; bytes: Uint8Array; nextNumber: number; isPolicyChain: boolean },
  policy: Policy | null,
) => Promise<Outcome<CheckedPage>>;

/**
 * The policies of a register as its stored policy chain says them, remembered between questions: a
 * value for one run of work. Nothing of the chain is believed that isn't true.
 */
export class StoredPolicies {
  #known: { number: number; policyAfter: Policy }[] = [];

  constructor(private readonly options: { registerId: string; check: CheckStored }) {}

  /** In force at docket `number`; null before docket 0, and where the chain is damaged. */
  async at(number: number): Promise<Policy | null> {
    const { registerId } = this.options;
    const numbers = await listControlNumbers(sql(), { registerId, end: number });
    let policy: Policy | null = null;
    for (const [index, control] of numbers.entries()) {
      const known = this.#known[index];
      if (known?.number === control) {
        policy = known.policyAfter;
        continue;
      }
      const after = await this.#after(control, policy);
      if (after === null) return policy;
      this.#known = [...this.#known.slice(0, index), { number: control, policyAfter: after }];
      policy = after;
    }
    return policy;
  }

  async #after(number: number, policy: Policy | null): Promise<Policy | null> {
    if (number > 0 && policy === null) return null;
    const { registerId, check } = this.options;
    const [row] = await readUnchecked(sql(), {
      registerId,
      next: number,
      last: number,
      bytesMax: 1,
    });
    if (row === undefined) return null;
    const bytes = encodePage({ bundles: [row.bundle], headNumber: 0, firstVersion: 0 });
    const page = { registerId, bytes, nextNumber: number, isPolicyChain: true };
    const checked = await check(page, number === 0 ? null : policy);
    return checked.ok ? checked.value.policyAfter : null;
  }
}

/** What a stored docket says of itself, whatever its columns say; null where it does not read. */
export async function readStoredDocket(registerId: string, number: number): Promise<Docket | null> {
  const [row] = await readUnchecked(sql(), { registerId, next: number, last: number, bytesMax: 1 });
  const bundle = row === undefined ? null : readBundle(row.bundle);
  const docket = bundle === null ? null : decodeDocket(bundle.docketData);
  return docket?.ok ? docket.value : null;
}
