import type { AnswerBook, KeyedRequest, NotedRequest } from "../../src/rest/idempotency.ts";

/** Keyed requests in a map, without bounds. */
export class MemoryAnswers implements AnswerBook {
  readonly noted = new Map<string, NotedRequest>();

  note = async (request: KeyedRequest & { seed: string }) => {
    const { requestId, bodyHash, seed } = request;
    const before = this.noted.get(requestId);
    if (before !== undefined) return { ...before, isNew: false };
    const fresh = { bodyHash, seed, answer: null, isNew: true };
    this.noted.set(requestId, fresh);
    return fresh;
  };
  keep = async (requestId: string, answer: string) => {
    const noted = this.noted.get(requestId);
    if (noted !== undefined) noted.answer = answer;
  };
  forget = async (requestId: string) => void this.noted.delete(requestId);
}
