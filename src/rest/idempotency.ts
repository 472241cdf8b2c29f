import { LRUCache } from "lru-cache";
import { PeerError } from "../base/error.ts";
import { sha256Hex } from "../dockets/hash.ts";
import { limits } from "../runtime/limits.ts";

/** A request that must not happen twice. */
export interface KeyedRequest {
  /** The caller, the method and the path: another's key is another key. */
  scope: string;
  /** The header `Idempotency-Key`. */
  key: string;
  bodyText: string;
}

interface Kept {
  bodyHash: string;
  answer: Promise<unknown>;
}

/**
 * Answers to requests that carry an `Idempotency-Key`, so that a repeated one gets the first one's
 * answer, also while that is still being worked on. What failed is forgotten and may be tried
 * again. Bounded, in memory: a restart forgets all.
 */
export class IdempotentAnswers {
  readonly #kept = new LRUCache<string, Kept>({
    max: limits.idempotencyKeys,
    ttl: limits.idempotencyMs,
  });

  /** Throws `unprocessable` when the key came with another body before. */
  async run<T>(
    request: KeyedRequest,
    work: () => Promise<T>,
  ): Promise<{ reply: T; isRepeated: boolean }> {
    const bodyHash = sha256Hex(request.bodyText);
    const place = `${request.scope} ${request.key}`;
    const kept = this.#kept.get(place);
    if (kept === undefined) {
      const answer = work();
      this.#kept.set(place, { bodyHash, answer });
      answer.catch(() => this.#kept.delete(place));
      return { reply: await answer, isRepeated: false };
    }
    if (kept.bodyHash === bodyHash) return { reply: (await kept.answer) as T, isRepeated: true };
    throw new PeerError("unprocessable", "idempotency-key-reused", {
      message: "The Idempotency-Key came before with another body",
    });
  }
}

/** The header's value, or null. Throws `invalid`. */
export function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new PeerError("invalid", "bad-idempotency-key", {
    message: "The Idempotency-Key must be 1 to 255 visible ASCII characters",
  });
}
