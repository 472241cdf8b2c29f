/** Throws when a promise of the program to itself is broken. Never for input from outside. */
export function assert(condition: unknown, broken: string): asserts condition {
  if (!condition) throw new Error(`Broken promise: ${broken}`);
}

/** The value, which the program promises to be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

/** For the end of an exhaustive switch: compiles only when every case was handled. */
export function unreachable(value: never): never {
  throw new Error(`Broken promise: unexpected case ${String(value)}`);
}
