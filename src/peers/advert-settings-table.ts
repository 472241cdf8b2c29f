import type { Sql } from "../store/database.ts";

/** The operator's word on registers held here: true is advertised, which is also the default. */
export async function loadAdvertSettings(sql: Sql): Promise<Map<string, boolean>> {
  const rows = await sql<{ registerId: string; isAdvertised: boolean }[]>`
    SELECT register_id AS "registerId", is_advertised AS "isAdvertised" FROM advert_settings`;
  return new Map(rows.map((row) => [row.registerId, row.isAdvertised]));
}

/** All in one statement. */
export async function saveAdvertSettings(
  sql: Sql,
  settings: ReadonlyMap<string, boolean>,
): Promise<void> {
  const rows = [...settings].map(([register_id, is_advertised]) => ({
    register_id,
    is_advertised,
  }));
  if (rows.length === 0) return;
  await sql`
    INSERT INTO advert_settings ${sql(rows)}
    ON CONFLICT (register_id) DO UPDATE SET is_advertised = excluded.is_advertised`;
}
