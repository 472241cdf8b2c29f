/**
 * The one error class of the program. `kind` says which family an error belongs to and thereby its
 * HTTP status, gRPC status and exit code; `code` is the stable name users may branch on.
 *
 * Expected refusals (a bad docket, a dead peer) are returned as values where they are part of the
 * job; this class is thrown for broken promises, bad input at an edge, and broken surroundings.
 */
export class PeerError extends Error {
  override readonly name = "PeerError";

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    options: { message: string; facts?: Record<string, unknown>; cause?: unknown },
  ) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.facts = options.facts ?? {};
  }

  /** Facts that may be shown to whoever asked: never keys, tokens or payloads. */
  readonly facts: Record<string, unknown>;
}

/**
 * invalid        malformed input                      400 · INVALID_ARGUMENT · exit 4
 * unprocessable  well-formed, breaks a rule           422 · INVALID_ARGUMENT · exit 4
 * too-large      over a size limit                    413 · RESOURCE_EXHAUSTED · exit 4
 * unauthenticated no or bad credential                401 · UNAUTHENTICATED · exit 2
 * forbidden      who it is may not                    403 · PERMISSION_DENIED · exit 3
 * not-found      nothing by that name                 404 · NOT_FOUND · exit 5
 * conflict       contradicts what is stored           409 · FAILED_PRECONDITION · exit 1
 * exhausted      a limit is reached, try later        429 · RESOURCE_EXHAUSTED · exit 1
 * unavailable    we can't right now                   503 · UNAVAILABLE · exit 7
 * network        the other side can't be reached      503 · UNAVAILABLE · exit 7
 * configuration  the operator must change a setting   500 · FAILED_PRECONDITION · exit 6
 * internal       our own fault                        500 · INTERNAL · exit 1
 */
export type ErrorKind =
  | "invalid"
  | "unprocessable"
  | "too-large"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "exhausted"
  | "unavailable"
  | "network"
  | "configuration"
  | "internal";

/** The error as it is, or anything thrown wrapped as `internal`, its text kept as the cause. */
export function toPeerError(thrown: unknown): PeerError {
  if (thrown instanceof PeerError) return thrown;
  return new PeerError("internal", "internal", {
    message: "Something went wrong inside this node",
    cause: thrown,
  });
}

/** A sentence for a log line, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return String(thrown);
}

/** Its stable name, or another where it has none. */
export function codeOf(thrown: unknown, otherwise: string): string {
  return thrown instanceof PeerError ? thrown.code : otherwise;
}

/** True for the error of an aborted signal: an end that somebody asked for, not a failure. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}
