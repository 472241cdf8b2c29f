import { listEvents } from "../registers/events-table.ts";
import { follow } from "../registers/feed.ts";
import { exportEvidence, listContradictions } from "../replication/evidence.ts";
import { sql } from "../store/sql.ts";
import type { HeadNews, RestSource } from "./source.ts";

/** What happens at the real node, as REST tells it. */
export const nodeNews: Pick<RestSource, "followHeads" | "readEvents" | "listEvidence"> = {
  followHeads: (signal) => {
    const follower = follow({ signal });
    return {
      get lagged() {
        return follower.lagged;
      },
      async *[Symbol.asyncIterator](): AsyncGenerator<HeadNews> {
        for await (const event of follower) {
          yield {
            registerId: event.registerId,
            atMs: event.timeMs,
            firstDocketNumber: event.firstNumber,
            docketNumber: event.number,
            docketHash: event.hash,
            transactionCount: event.transactionCount,
          };
        }
      },
    };
  },
  readEvents: (wanted) => listEvents(sql(), wanted),
  listEvidence: async (registerId) => {
    const found = await listContradictions(registerId);
    return Promise.all(
      found.map(async (one) => {
        const proof = await exportEvidence(registerId, one.docketNumber);
        return { ...one, proof: Buffer.from(proof).toString() };
      }),
    );
  },
};
