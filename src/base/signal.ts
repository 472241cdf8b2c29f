/** Rejects with the signal's reason once it aborts; never resolves. Drop it by `dispose`. */
export function abortOf(signal: AbortSignal): { promise: Promise<never>; dispose: () => void } {
  let onAbort = () => {};
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  promise.catch(() => undefined);
  return { promise, dispose: () => signal.removeEventListener("abort", onAbort) };
}

/** The work's outcome, or an `AbortError` as soon as the signal aborts. The work itself goes on. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const abort = abortOf(signal);
  try {
    return await Promise.race([work, abort.promise]);
  } finally {
    abort.dispose();
  }
}

/** A controller that aborts with its parent and can be aborted alone. `dispose` cuts the link. */
export function childOf(parent: AbortSignal): AbortController & { dispose: () => void } {
  const child = new AbortController();
  const onAbort = () => child.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener("abort", onAbort, { once: true });
  return Object.assign(child, { dispose: () => parent.removeEventListener("abort", onAbort) });
}

export function abortError(signal: AbortSignal): Error {
  const error = new Error("Aborted", { cause: signal.reason });
  error.name = "AbortError";
  return error;
}
