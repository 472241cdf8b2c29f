import { isEmbedded, sql } from "../store/sql.ts";
import { vacuumDockets } from "./dockets-table.ts";
import { vacuumTransactions } from "./transactions-table.ts";

/** Lets the place of what was deleted be used again. PostgreSQL does that by itself. */
export async function makeRoom(): Promise<void> {
  if (!isEmbedded()) return;
  await vacuumTransactions(sql());
  await vacuumDockets(sql());
}
