/** A thread of the process, as the rest of the program sees it. Only this file makes workers. */
export interface Thread<To> {
  /** `transfer` names buffers that move to the thread instead of being copied. */
  post(message: To, transfer?: ArrayBuffer[]): void;
  /** Ends the thread wherever it stands. Resolves once it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts the thread whose entry file is at `url`. `onError` is called once when the thread dies by
 * itself, whether it threw, could not be loaded or left; nothing comes from it afterwards.
 */
export function startThread<To, From>(
  url: URL,
  options: { onMessage: (message: From) => void; onError: (error: Error) => void },
): Thread<To> {
  const worker = new Worker(url.href);
  const gone = Promise.withResolvers<void>();
  let isOver = false;

  function die(error: Error): void {
    if (isOver) return;
    isOver = true;
    options.onError(error);
  }

  worker.onmessage = (event: MessageEvent) => {
    if (!isOver) options.onMessage(event.data as From);
  };
  worker.onerror = (event: ErrorEvent) => die(new Error(event.message));
  worker.addEventListener("messageerror", () => die(new Error("A message could not be read")));
  worker.addEventListener("close", () => {
    die(new Error("The thread ended"));
    gone.resolve();
  });

  return {
    post: (message, transfer = []) => {
      if (!isOver) worker.postMessage(message, transfer);
    },
    stop: () => {
      isOver = true;
      worker.terminate();
      return gone.promise;
    },
  };
}
