import type { Transaction } from "./database.ts";
import { toStoreError } from "./pg-errors.ts";
import { health, sql } from "./sql.ts";

/** Runs the work in one transaction; what it throws rolls everything back and comes out again. */
export async function inTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  try {
    return (await sql().begin(work)) as T;
  } catch (thrown) {
    const error = toStoreError(thrown);
    health().note(error);
    throw error;
  }
}
