/** The thread of the embedded database, which dies when it is asked `SELECT 'die now'`. */
import "../../src/store/embedded-thread.ts";

declare const self: { onmessage: ((event: MessageEvent) => void) | null };

const answer = self.onmessage;
self.onmessage = (event) => {
  const { kind, bytes } = event.data;
  if (kind === "request" && Buffer.from(bytes).includes("die now")) {
    throw new Error("The thread was told to die");
  }
  answer?.(event);
};
