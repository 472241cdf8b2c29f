import { randomBytes } from "node:crypto";
import { hexOf } from "../base/bytes.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { sha256Hex } from "../dockets/hash.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import type { Caller } from "../trust/tokens.ts";
import { urlOf } from "./request-url.ts";

/** A request that must not happen twice. */
export interface KeyedRequest {
  /** 64 hex digits for the caller, the method, the path and the key: another's key is another. */
  requestId: string;
  /** 64 hex digits for the caller, who has a share of what is kept. */
  callerId: string;
  /** 64 hex digits for the body. */
  bodyHash: string;
}

/** What is known of a request. */
export interface NotedRequest {
  bodyHash: string;
  seed: string;
  /** As `keep` was given it; null: it was begun, and nobody knows how it ended. */
  answer: string | null;
  /** It was noted just now. */
  isNew: boolean;
}

/**
 * Where requests and their answers are kept. Durable once resolved; bounded: who has most of them
 * loses the oldest.
 */
export interface AnswerBook {
  note(request: KeyedRequest & { seed: string; nowMs: number }): Promise<NotedRequest>;
  keep(requestId: string, answer: string): Promise<void>;
  forget(requestId: string): Promise<void>;
}

/** What a handler is told of a request with a key. */
export interface Attempt {
  /** 32 hex digits, the same for every attempt: what is made is named by it. */
  seed: string;
  /** It was begun before: what it makes may be there already. */
  isRetry: boolean;
}

/**
 * Answers to requests that carry an `Idempotency-Key`: a repeated one gets the first one's answer,
 * while that is still being worked on, and after a restart. The request is noted before it is
 * done, with a seed that names what it makes. So a crash between doing and answering doubles
 * nothing either: the next attempt finds what is there. What was refused is forgotten.
 */
export class IdempotentAnswers {
  readonly #underway = new Map<string, { bodyHash: string; answer: Promise<Kept<unknown>> }>();

  constructor(
    private readonly book: AnswerBook,
    private readonly nowMs: () => number,
  ) {}

  /** `T` is what JSON can hold. Throws `unprocessable` when the key came with another body. */
  async run<T>(request: KeyedRequest, work: (attempt: Attempt) => Promise<T>): Promise<Kept<T>> {
    const { requestId, bodyHash } = request;
    const underway = this.#underway.get(requestId);
    if (underway !== undefined) {
      if (underway.bodyHash !== bodyHash) throw keyReused();
      return { reply: (await underway.answer).reply as T, isRepeated: true };
    }
    const answer = this.#once(request, work);
    this.#underway.set(requestId, { bodyHash, answer });
    try {
      return await answer;
    } finally {
      this.#underway.delete(requestId);
    }
  }

  async #once<T>(request: KeyedRequest, work: (attempt: Attempt) => Promise<T>): Promise<Kept<T>> {
    const { requestId, bodyHash } = request;
    const fresh = hexOf(randomBytes(16));
    const noted = await this.book.note({ ...request, seed: fresh, nowMs: this.nowMs() });
    if (noted.bodyHash !== bodyHash) throw keyReused();
    if (noted.answer !== null) return { reply: JSON.parse(noted.answer), isRepeated: true };
    try {
      const reply = await work({ seed: noted.seed, isRetry: !noted.isNew });
      await this.#keep(requestId, JSON.stringify(reply));
      return { reply, isRepeated: false };
    } catch (thrown) {
      if (isRefusal(thrown)) await this.book.forget(requestId).catch(() => undefined);
      throw thrown;
    }
  }

  /** What can't be kept is found again by its seed. */
  async #keep(requestId: string, text: string): Promise<void> {
    if (text.length > limits.idempotencyAnswerLength) return;
    try {
      await this.book.keep(requestId, text);
    } catch (thrown) {
      log.warn({ reason: messageOf(thrown) }, "An answer to a keyed request could not be kept");
    }
  }
}

interface Kept<T> {
  reply: T;
  isRepeated: boolean;
}

const log = logFor("rest");

/** The request as it is noted; null without the header. Throws `invalid` for an unusable key. */
export function keyedRequest(
  request: Request,
  given: { caller: Caller; bodyText: string },
): KeyedRequest | null {
  const key = request.headers.get("idempotency-key");
  if (key === null) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new PeerError("invalid", "bad-idempotency-key", {
      message: "The Idempotency-Key must be 1 to 255 visible ASCII characters",
    });
  }
  const { caller } = given;
  const who = caller.isAnonymous ? [] : [caller.isService, caller.orgId, caller.subject];
  const { pathname, search } = urlOf(request);
  const parts = [who, request.method, pathname, search, key];
  return {
    requestId: sha256Hex(JSON.stringify(parts)),
    callerId: sha256Hex(JSON.stringify(who)),
    bodyHash: sha256Hex(given.bodyText),
  };
}

/** It was not done, and that is certain. */
function isRefusal(thrown: unknown): boolean {
  const kinds = ["invalid", "unprocessable", "too-large", "forbidden", "not-found", "conflict"];
  return thrown instanceof PeerError && [...kinds, "exhausted"].includes(thrown.kind);
}

function keyReused(): PeerError {
  return new PeerError("unprocessable", "idempotency-key-reused", {
    message: "The Idempotency-Key came before with another body",
  });
}
