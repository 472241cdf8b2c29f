import { createHash } from "node:crypto";
import { PeerError } from "../base/error.ts";
import type { Transaction } from "./database.ts";
import { type Migration, migrations } from "./migrations.ts";
import {
  type AppliedMigration,
  createMigrationsTable,
  listAppliedMigrations,
  recordMigration,
} from "./migrations-table.ts";
import { schema } from "./sql.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Brings the schema up to this program's version: all of it or nothing, and one starter at a time.
 * Throws `configuration` when the schema is newer than the program or an applied migration differs
 * from the program's. `list` is for tests.
 */
export async function migrate(
  list: readonly Migration[] = migrations,
): Promise<{ from: number; to: number }> {
  return await inTransaction(async (transaction) => {
    await waitForTurn(transaction);
    await transaction`CREATE SCHEMA IF NOT EXISTS ${transaction(schema())}`;
    await createMigrationsTable(transaction);
    const applied = await listAppliedMigrations(transaction);
    refuseStrangers(applied, list);
    for (const migration of list.slice(applied.length)) {
      await transaction.unsafe(migration.text);
      await recordMigration(transaction, { ...migration, checksum: checksumOf(migration) });
    }
    return { from: applied.length, to: list.length };
  });
}

/** Held until the transaction ends. Schemas whose names share a hash only wait for each other. */
async function waitForTurn(transaction: Transaction): Promise<void> {
  await transaction`SET LOCAL client_min_messages = warning`;
  await transaction`
    SELECT pg_advisory_xact_lock(hashtextextended(${`sorcha-peer migrations of ${schema()}`}, 0))`;
}

function refuseStrangers(applied: AppliedMigration[], list: readonly Migration[]): void {
  if (applied.length > list.length) {
    throw new PeerError("configuration", "database-newer", {
      message:
        `The database is at version ${applied.length} and this program knows only ` +
        `${list.length}: start the newer program, or use another schema`,
      facts: { databaseVersion: applied.length, programVersion: list.length },
    });
  }
  for (const [index, { number, name, checksum }] of applied.entries()) {
    const migration = list[index] as Migration;
    if (migration.number === number && checksumOf(migration) === checksum) continue;
    throw new PeerError("configuration", "migration-changed", {
      message:
        `Migration ${name} was run on the database in another version than this program carries: ` +
        "start the program that made the database",
      facts: { number, name },
    });
  }
}

function checksumOf(migration: Migration): string {
  return createHash("sha256").update(migration.text).digest("hex");
}
