import type { ErrorKind } from "../base/error.ts";

/** What a script may tell apart. 130 is the shell's own word for Ctrl-C. */
export const exitCodes = {
  ok: 0,
  general: 1,
  notAuthenticated: 2,
  notAllowed: 3,
  badInput: 4,
  notFound: 5,
  configuration: 6,
  network: 7,
  interrupted: 130,
} as const;

const codes: Record<ErrorKind, number> = {
  invalid: exitCodes.badInput,
  unprocessable: exitCodes.badInput,
  "too-large": exitCodes.badInput,
  unauthenticated: exitCodes.notAuthenticated,
  forbidden: exitCodes.notAllowed,
  "not-found": exitCodes.notFound,
  conflict: exitCodes.general,
  exhausted: exitCodes.general,
  unavailable: exitCodes.network,
  network: exitCodes.network,
  configuration: exitCodes.configuration,
  internal: exitCodes.general,
};

export function exitCodeOf(kind: ErrorKind): number {
  return codes[kind];
}

/** Somebody asked for the end; what they should know is in the message. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}
