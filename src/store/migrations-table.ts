import type { Sql } from "./database.ts";

/** A migration that was run on this schema, as it was then. */
export interface AppliedMigration {
  number: number;
  name: string;
  /** sha256, lowercase hex, of its text. */
  checksum: string;
}

/** The one table that the migrations themselves stand on. */
export async function createMigrationsTable(sql: Sql): Promise<void> {
  await sql`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      number     integer PRIMARY KEY,
      name       text NOT NULL,
      checksum   text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`;
}

export async function listAppliedMigrations(sql: Sql): Promise<AppliedMigration[]> {
  return await sql<AppliedMigration[]>`
    SELECT number, name, checksum FROM schema_migrations ORDER BY number`;
}

export async function recordMigration(sql: Sql, migration: AppliedMigration): Promise<void> {
  await sql`
    INSERT INTO schema_migrations (number, name, checksum)
    VALUES (${migration.number}, ${migration.name}, ${migration.checksum})`;
}
