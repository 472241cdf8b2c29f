import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import { forgetRequest, keepAnswer, noteRequest, trimRequests } from "./answers-table.ts";
import type { AnswerBook } from "./idempotency.ts";

/** How many are noted between two looks at the bounds. */
const trimEvery = 256;

/** Keyed requests in the node's database. */
export function storedAnswers(): AnswerBook {
  let untilTrim = 0;
  return {
    note: async (request) => {
      const olderThanMs = request.nowMs - limits.idempotencyMs;
      if (untilTrim <= 0) {
        untilTrim = trimEvery;
        await trimRequests(sql(), { olderThanMs, keep: limits.idempotencyKeys - trimEvery });
      }
      untilTrim -= 1;
      return noteRequest(sql(), { ...request, olderThanMs });
    },
    keep: (requestId, answer) => keepAnswer(sql(), requestId, answer),
    forget: (requestId) => forgetRequest(sql(), requestId),
  };
}
