import { messageOf } from "../base/error.ts";
import { readBundle } from "../dockets/bundle.ts";
import { decodeDocket } from "../dockets/decode.ts";
import { follow, type HeadEvent } from "../registers/feed.ts";
import { readDockets } from "../registers/stored-dockets.ts";
import { findTransactions } from "../registers/transactions-table.ts";
import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { Deliveries } from "./deliveries.ts";
import type { Gossip } from "./gossip.ts";
import type { Pool } from "./pool.ts";

interface Watched {
  gossip: Gossip;
  pool: Pool;
  deliveries: Deliveries;
}

/**
 * Lets go of every transaction that a stored docket holds, as the feed tells, until the signal
 * aborts. Where news were missed, the store is asked about all that waits.
 */
export async function dropSealed(
  watched: Watched & { signal: AbortSignal; clock: Clock; log: Log },
): Promise<void> {
  const { signal, clock, log } = watched;
  while (!signal.aborted) {
    const news = follow({ signal });
    try {
      await lookForAll(watched);
      for await (const event of news) await dropOf(event, watched);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, "What was sealed is looked for again");
    }
    if (!signal.aborted) await clock.sleep(limits.gossip.roundMs, signal).catch(() => undefined);
  }
}

async function lookForAll(watched: Watched): Promise<void> {
  const { pool, deliveries } = watched;
  for (const registerId of new Set([...pool.registerIds(), ...deliveries.registerIds()])) {
    const pending = [...pool.of(registerId)].map(({ transaction }) => transaction.transactionId);
    const ids = [...new Set([...pending, ...deliveries.of(registerId)])];
    const found = await findTransactions(sql(), { registerId, transactionIds: ids });
    for (const { transactionId, docketNumber } of found.values()) {
      drop(watched, { registerId, docketNumber, transactionIds: [transactionId] });
    }
  }
}

async function dropOf(event: HeadEvent, watched: Watched): Promise<void> {
  const { registerId, firstNumber, number } = event;
  const { pool, gossip, deliveries } = watched;
  const [first] = pool.of(registerId);
  const isQuiet = first === undefined && gossip.fetching === 0;
  if (isQuiet && !deliveries.has(registerId)) return;
  for (let next = firstNumber; next <= number; ) {
    const bounds = { countMax: limits.frameDockets, bytesMax: limits.frameBytes };
    const bundles = await readDockets({ registerId, next, ...bounds });
    if (bundles.length === 0) return;
    for (const { number: docketNumber, bundle } of bundles) {
      const docketData = readBundle(bundle)?.docketData;
      const docket = docketData === undefined ? null : decodeDocket(docketData);
      if (docket?.ok !== true) continue;
      const transactionIds = docket.value.transactions.map(({ transactionId }) => transactionId);
      drop(watched, { registerId, docketNumber, transactionIds });
    }
    next = (bundles.at(-1)?.number ?? number) + 1;
  }
}

function drop(
  { gossip, deliveries }: Watched,
  sealed: { registerId: string; docketNumber: number; transactionIds: readonly string[] },
): void {
  const { registerId, docketNumber, transactionIds } = sealed;
  gossip.drop(registerId, transactionIds);
  for (const transactionId of transactionIds) {
    deliveries.sealed(registerId, transactionId, docketNumber);
  }
}
