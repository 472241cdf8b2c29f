import { type ErrorKind, isAbort, messageOf, PeerError, toPeerError } from "../base/error.ts";
import type { Refusal } from "../dockets/types.ts";
import { logFor } from "../runtime/log.ts";
import { refused } from "../telemetry/recording.ts";

const log = logFor("rest");

/** The one place that knows HTTP status numbers. */
const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  unprocessable: 422,
  "too-large": 413,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  network: 503,
  configuration: 500,
  internal: 500,
};

/** Codes with a status of their own, for what has no kind. */
const statusOfCode: Record<string, number> = { "slow-request": 408 };

/** The kind behind a status, for the client; anything unexpected is the other side's fault. */
export function kindOf(status: number): ErrorKind {
  const kinds = Object.keys(statuses) as ErrorKind[];
  return kinds.find((kind) => statuses[kind] === status && kind !== "configuration") ?? "internal";
}

/**
 * The answer for whatever a handler threw: `{error, code, details?}`, never a stack. Our own faults
 * are logged in full and told without detail; development adds the text of the cause.
 */
export function errorReply(thrown: unknown, options: { isProduction: boolean }): Response {
  const error = toPeerError(thrown);
  const status = statusOfCode[error.code] ?? statuses[error.kind];
  const headers: Record<string, string> = {};
  if (status < 500) refused("request", error.code);
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="sorcha-peer"';
  if (status === 429 || status === 503) headers["retry-after"] = retryAfter(error.facts);
  // What is left of such a body is not read: the connection can't be used again.
  if (status === 413 || status === 408) headers.connection = "close";
  const details: Record<string, unknown> = { ...error.facts };
  if (status === 500 && !isAbort(thrown)) {
    log.error(
      { code: error.code, error: messageOf(error.cause ?? error), stack: stackOf(error) },
      "Request failed",
    );
    if (!options.isProduction && error.cause !== undefined) details.cause = messageOf(error.cause);
  }
  const body = {
    error: error.message,
    code: error.code,
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
  return Response.json(body, { status, headers });
}

/** A refused docket: what contradicts the stored chain is a conflict, the rest breaks a rule. */
export function refusalError(refusal: Refusal): PeerError {
  refused("ingest", refusal.code);
  const conflicts = ["number", "link", "genesis"].includes(refusal.code);
  const kind = refusal.code === "size" ? "too-large" : conflicts ? "conflict" : "unprocessable";
  return new PeerError(kind, `refused-${refusal.code}`, {
    message: refusal.message,
    facts: {
      refusal: refusal.code,
      docketNumber: refusal.docketNumber,
      ...(refusal.transactionId === undefined ? {} : { transactionId: refusal.transactionId }),
    },
  });
}

function retryAfter(facts: Record<string, unknown>): string {
  const afterMs = facts.retryAfterMs;
  return String(typeof afterMs === "number" ? Math.max(1, Math.ceil(afterMs / 1_000)) : 5);
}

function stackOf(error: PeerError): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}
