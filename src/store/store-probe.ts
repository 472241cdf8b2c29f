import { PeerError } from "../base/error.ts";
import type { Pool } from "./database.ts";
import { translateErrors } from "./pg-errors.ts";

/**
 * Whether a session can be had, read and write: asks, and writes some pages to a table that is gone
 * with the transaction. Throws as any query does, in this program's errors.
 */
export async function probeSession(pool: Pool): Promise<void> {
  await translateErrors(() =>
    pool.begin(async (transaction) => {
      const [row] = await transaction`
        SELECT current_setting('transaction_read_only') = 'on' AS "isReadOnly"`;
      if (row?.isReadOnly) {
        const message = "The database is read-only";
        throw new PeerError("unavailable", "database-read-only", { message });
      }
      await transaction`
        CREATE TEMPORARY TABLE sorcha_peer_probe ON COMMIT DROP AS
        SELECT repeat(md5(n::text), 30) AS filler FROM generate_series(1, 200) AS n`;
    }),
  ).catch((error) => {
    // Its user may be kept from temporary tables; all else was found well by then.
    if (!(error instanceof PeerError) || error.code !== "database-forbidden") throw error;
  });
}

/** The same in a pool of its own, which is gone when this ends or the signal aborts. */
export async function probeAnew(makePool: () => Pool, signal: AbortSignal): Promise<void> {
  const pool = makePool();
  const end = () => void pool.end({ timeout: 0 });
  signal.addEventListener("abort", end, { once: true });
  try {
    await probeSession(pool);
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}
