import { sql } from "../store/sql.ts";
import { type BundleRange, readBundles, type StoredBundle } from "./dockets-table.ts";
import { hotCache } from "./hot-cache.ts";

/**
 * `readBundles` for those who serve dockets: from memory where docket `next` is there, else from
 * the table. Either may give less than the bounds allow; only an empty answer means that docket
 * `next` isn't held. Bytes are shared and not to change. Throws `unavailable` when the table is
 * needed and the database is away.
 */
export async function readDockets(range: BundleRange): Promise<StoredBundle[]> {
  const cache = hotCache();
  const hot = cache?.read(range);
  if (hot) return hot;
  const before = cache?.drops;
  const read = await readBundles(sql(), range);
  const isWhole = !range.headersOnly && !range.controlOnly;
  if (isWhole && cache?.drops === before) cache?.keepRead(range.registerId, read);
  return read;
}
