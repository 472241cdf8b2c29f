import type { Transaction } from "./database.ts";
import { translateErrors } from "./pg-errors.ts";
import { sql } from "./sql.ts";

/** Runs the work in one transaction; what it throws rolls everything back and comes out again. */
export function inTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return translateErrors(async () => (await sql().begin(work)) as T);
}
