import type { Sql } from "../store/database.ts";
import type { KeyedRequest, NotedRequest } from "./idempotency.ts";

/**
 * Notes a request before it is worked on; one that was noted after `olderThanMs` stays as it is.
 * Gives what is noted now.
 */
export async function noteRequest(
  sql: Sql,
  request: KeyedRequest & { seed: string; nowMs: number; olderThanMs: number },
): Promise<NotedRequest> {
  const { requestId, callerId, bodyHash, seed, nowMs, olderThanMs } = request;
  const [made] = await sql`
    INSERT INTO keyed_answers AS old (request_id, caller_id, body_hash, seed, at_ms)
    VALUES (${requestId}, ${callerId}, ${bodyHash}, ${seed}, ${nowMs})
    ON CONFLICT (request_id) DO UPDATE
      SET body_hash = excluded.body_hash, seed = excluded.seed, at_ms = excluded.at_ms,
          answer = NULL
      WHERE old.at_ms < ${olderThanMs}
    RETURNING seed`;
  if (made !== undefined) return { bodyHash, seed, answer: null, isNew: true };
  const [noted] = await sql<Omit<NotedRequest, "isNew">[]>`
    SELECT body_hash AS "bodyHash", seed, answer FROM keyed_answers
     WHERE request_id = ${requestId}`;
  return { ...(noted ?? { bodyHash, seed, answer: null }), isNew: false };
}

export async function keepAnswer(sql: Sql, requestId: string, answer: string): Promise<void> {
  await sql`UPDATE keyed_answers SET answer = ${answer} WHERE request_id = ${requestId}`;
}

export async function forgetRequest(sql: Sql, requestId: string): Promise<void> {
  await sql`DELETE FROM keyed_answers WHERE request_id = ${requestId}`;
}

/**
 * Deletes what is older, and all but `keep`: everybody's newest, then everybody's second newest,
 * and so on, so that nobody's many push out another's few.
 */
export async function trimRequests(
  sql: Sql,
  bounds: { olderThanMs: number; keep: number },
): Promise<void> {
  await sql`
    DELETE FROM keyed_answers WHERE at_ms < ${bounds.olderThanMs} OR request_id IN (
      SELECT request_id FROM (
        SELECT request_id, at_ms,
               row_number() OVER (PARTITION BY caller_id ORDER BY at_ms DESC) AS place
          FROM keyed_answers
      ) AS placed
       ORDER BY place, at_ms DESC OFFSET ${bounds.keep}
    )`;
}
