import { messageOf } from "../base/error.ts";
import { every, systemClock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import type { Pool } from "./database.ts";

const log = logFor("store");

/** Time between two rounds. A round with nothing to do takes some milliseconds. */
const upkeepMs = 10 * 60_000;

/**
 * Tables above this are left alone: a look at all that is new in them would hold up everyone else
 * for too long. They only ever grow; what a purge frees in them, the purge itself cleans up.
 */
const tableBytesMax = 64 * 1024 * 1024;

/**
 * The embedded database has no worker that cleans up behind deleted rows: without this, tables
 * whose rows come and go would grow for ever. Small ones are vacuumed every ten minutes.
 */
export function startUpkeep(pool: Pool, schema: string): { stop: () => Promise<void> } {
  return every(upkeepMs, {
    clock: systemClock,
    tick: () =>
      vacuumSmallTables(pool, schema).catch((thrown) => {
        log.warn({ err: messageOf(thrown) }, "The embedded database could not be tidied up");
      }),
  });
}

export async function vacuumSmallTables(pool: Pool, schema: string): Promise<void> {
  const tables = await pool<{ name: string }[]>`
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = to_regnamespace(${schema}) AND relkind = 'r'
      AND pg_relation_size(oid) <= ${tableBytesMax}
    ORDER BY relname`;
  for (const { name } of tables) {
    await pool`VACUUM (ANALYZE, PROCESS_TOAST false) ${pool(name)}`;
  }
}
