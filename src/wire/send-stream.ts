import type { ServerWritableStream } from "@grpc/grpc-js";
import { orAbort } from "../base/signal.ts";
import { limits } from "../runtime/limits.ts";

type Writable = Pick<ServerWritableStream<unknown, Buffer>, "write">;

/**
 * Writes the messages to a call as fast as its reader takes them, and asks the source for the next
 * only when there is room: what waits for a reader that stands still is `bytesInFlightMax` (or one
 * larger message) and the message that came next. Ends when the source does; throws its error, or
 * an `AbortError` once the signal aborts.
 */
export async function sendStream(
  call: Writable,
  messages: AsyncIterable<Uint8Array>,
  options: { signal: AbortSignal; bytesInFlightMax?: number },
): Promise<void> {
  const { signal, bytesInFlightMax = limits.sentAheadBytes } = options;
  let bytesInFlight = 0;
  let onRoom = () => {};
  const source = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value: message } = await orAbort(source.next(), signal);
      if (done) break;
      while (bytesInFlight > 0 && bytesInFlight + message.byteLength > bytesInFlightMax) {
        await orAbort(room(), signal);
      }
      send(message);
    }
  } finally {
    // Not awaited: a source that waits for its next docket comes back only after that.
    source.return?.().catch(() => undefined);
  }

  function send(message: Uint8Array): void {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    bytesInFlight += bytes.byteLength;
    // The callback comes when the transport has taken the bytes, not when they are merely queued.
    call.write(bytes, () => {
      bytesInFlight -= bytes.byteLength;
      onRoom();
    });
  }

  function room(): Promise<void> {
    return new Promise((resolve) => {
      onRoom = resolve;
    });
  }
}
