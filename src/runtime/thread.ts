/** A thread of this program. What it is sent and what it sends are values that can be cloned. */
export interface Thread<In> {
  /** Buffers named in `transfer` move to the thread: this side can't use them any more. */
  post(message: In, transfer?: ArrayBuffer[]): void;
  /** Ends the thread at once, whatever it is doing. */
  stop(): Promise<void>;
}

/**
 * Starts a thread from the entry file at `url`. Only `main.ts` and tests make such URLs: in a
 * compiled binary every other module would build a wrong one. `onError` is called at most once, for
 * an error that nobody in the thread caught or for an end that nobody asked for.
 */
export function startThread<In, Out>(
  url: URL,
  handlers: { onMessage: (message: Out) => void; onError: (error: Error) => void },
): Thread<In> {
  const worker = new Worker(url);
  let isOver = false;
  const fail = (message: string) => {
    if (isOver) return;
    isOver = true;
    worker.terminate();
    handlers.onError(new Error(message));
  };
  worker.addEventListener("message", (event: MessageEvent<Out>) => {
    if (!isOver) handlers.onMessage(event.data);
  });
  worker.addEventListener("messageerror", () => fail("A thread sent what can't be read"));
  worker.addEventListener("error", (event) => fail(event.message || "A thread broke"));
  worker.addEventListener("close", () => fail("A thread ended by itself"));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    stop: async () => {
      isOver = true;
      worker.terminate();
    },
  };
}
