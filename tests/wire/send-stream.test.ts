import { expect, test } from "bun:test";
import { limits } from "../../src/runtime/limits.ts";
import { sendStream } from "../../src/wire/send-stream.ts";
import { errorOf } from "../support/error-of.ts";

test("a reader that stands still keeps 4 MB at most, and the source stops there", async () => {
  let given = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += limits.frameBytes;
      yield new Uint8Array(limits.frameBytes);
    }
  }
  let written = 0;
  const taken: (() => void)[] = [];
  const call = {
    write: (bytes: Buffer, onTaken: () => void) => {
      written += bytes.byteLength;
      taken.push(onTaken);
      return false;
    },
  };
  const stopping = new AbortController();
  const sending = errorOf(sendStream(call as never, source(), { signal: stopping.signal }));
  await settle();
  expect(written).toBe(limits.sentAheadBytes);
  expect(given).toBeLessThanOrEqual(limits.stalledReaderBytes);
  taken.shift()?.();
  await settle();
  expect(written).toBe(limits.sentAheadBytes + limits.frameBytes);
  expect(given - limits.frameBytes).toBeLessThanOrEqual(limits.stalledReaderBytes);
  stopping.abort();
  expect(await sending).toMatchObject({ name: "AbortError" });
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
