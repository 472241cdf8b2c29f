import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { type ErrorKind, PeerError, toPeerError } from "../base/error.ts";

/**
 * Our errors as gRPC statuses and back: the only file that knows status numbers. The stable code
 * travels in the trailer `sorcha-code`. What came from a peer is a claim: its sentences are cut to
 * a length, its codes to their alphabet.
 */

/** Why a peer honestly can't serve us. Never misbehaviour. */
export type RefusalName = "NOT_YET" | "PRUNED" | "NOT_SUBSCRIBED" | "FORBIDDEN" | "BUSY";

export interface ServeRefusal {
  name: RefusalName;
  /** What the peer asks us to wait; null: it did not say. */
  retryAfterMs: number | null;
}

const refusalKinds: Record<RefusalName, ErrorKind> = {
  NOT_YET: "unavailable",
  PRUNED: "not-found",
  NOT_SUBSCRIBED: "not-found",
  FORBIDDEN: "forbidden",
  BUSY: "unavailable",
};

/** An honest refusal to serve, to be thrown by a handler. */
export function refuse(
  name: RefusalName,
  options: { message: string; retryAfterMs?: number },
): PeerError {
  const facts: Record<string, unknown> = { refusal: name };
  if (options.retryAfterMs !== undefined) facts.retryAfterMs = options.retryAfterMs;
  return new PeerError(refusalKinds[name], name.toLowerCase().replace("_", "-"), {
    message: options.message,
    facts,
  });
}

/** The refusal that an error of a call carries, or null when it is something else. */
export function refusalOf(error: unknown): ServeRefusal | null {
  if (!(error instanceof PeerError)) return null;
  const name = error.facts.refusal;
  if (typeof name !== "string" || !Object.hasOwn(refusalKinds, name)) return null;
  const wait = error.facts.retryAfterMs;
  return { name: name as RefusalName, retryAfterMs: typeof wait === "number" ? wait : null };
}

/** True when the other side does not have the method: it speaks an older or another contract. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof PeerError && error.code === "unimplemented";
}

const statusOfKind: Record<ErrorKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  unprocessable: status.INVALID_ARGUMENT,
  "too-large": status.RESOURCE_EXHAUSTED,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  "not-found": status.NOT_FOUND,
  conflict: status.FAILED_PRECONDITION,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  network: status.UNAVAILABLE,
  configuration: status.FAILED_PRECONDITION,
  internal: status.INTERNAL,
};

/**
 * The status that answers a call which threw. Causes, which may name files or rows, are told only
 * where `showDetails` is on: in development.
 */
export function statusOf(
  thrown: unknown,
  options: { showDetails: boolean },
): StatusObject & { isOurFault: boolean } {
  const error = toPeerError(thrown);
  const metadata = new Metadata();
  metadata.set("sorcha-code", error.code);
  const refusal = refusalOf(error);
  if (refusal) metadata.set("sorcha-refusal", refusal.name);
  const wait = error.facts.retryAfterMs;
  if (typeof wait === "number") metadata.set("retry-after-ms", String(wait));
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const details = options.showDetails ? error.message + cause : error.message;
  const code = error.code === "unimplemented" ? status.UNIMPLEMENTED : statusOfKind[error.kind];
  return { code, details, metadata, isOurFault: error.kind === "internal" };
}

/** To be thrown by a handler of something that is not built. */
export function notImplemented(what: string): PeerError {
  return new PeerError("unavailable", "unimplemented", { message: `${what} is not implemented` });
}

/** A failed call as an error of ours. A deadline is `network` with code `timeout`. */
export function errorOfCall(failed: ServiceError, options: { address: string }): PeerError {
  const { kind, code } = kindOfStatus[failed.code] ?? { kind: "network", code: "peer-failed" };
  const facts: Record<string, unknown> = { address: options.address, grpcStatus: failed.code };
  const refusal = trailerOf(failed, "sorcha-refusal");
  if (refusal !== null && Object.hasOwn(refusalKinds, refusal)) facts.refusal = refusal;
  const wait = Number(trailerOf(failed, "retry-after-ms") ?? Number.NaN);
  if (Number.isSafeInteger(wait) && wait >= 0) facts.retryAfterMs = Math.min(wait, longestWaitMs);
  const told = trailerOf(failed, "sorcha-code");
  return new PeerError(kind, told !== null && codePattern.test(told) ? told : code, {
    message: `Peer ${options.address}: ${failed.details.slice(0, 300)}`,
    facts,
    cause: failed,
  });
}

const codePattern = /^[a-z0-9-]{1,40}$/;
/** A peer can't put us off for longer than this. */
const longestWaitMs = 10 * 60_000;

const kindOfStatus: Partial<Record<status, { kind: ErrorKind; code: string }>> = {
  [status.CANCELLED]: { kind: "network", code: "cancelled" },
  [status.INVALID_ARGUMENT]: { kind: "invalid", code: "invalid" },
  [status.DEADLINE_EXCEEDED]: { kind: "network", code: "timeout" },
  [status.NOT_FOUND]: { kind: "not-found", code: "not-found" },
  [status.PERMISSION_DENIED]: { kind: "forbidden", code: "forbidden" },
  [status.RESOURCE_EXHAUSTED]: { kind: "exhausted", code: "exhausted" },
  [status.FAILED_PRECONDITION]: { kind: "conflict", code: "conflict" },
  [status.OUT_OF_RANGE]: { kind: "invalid", code: "out-of-range" },
  [status.UNIMPLEMENTED]: { kind: "unavailable", code: "unimplemented" },
  [status.UNAVAILABLE]: { kind: "network", code: "unreachable" },
  [status.UNAUTHENTICATED]: { kind: "unauthenticated", code: "unauthenticated" },
};

function trailerOf(failed: ServiceError, name: string): string | null {
  const value = failed.metadata?.get(name)[0];
  return typeof value === "string" ? value : null;
}
