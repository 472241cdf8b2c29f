/**
 * What connects a command to whoever typed it: standard streams and the environment. Output waits
 * for its reader, so that an export of any size needs no memory. Owns the one writer on stdout,
 * made when it is first used.
 */
let output: Bun.FileSink | null = null;

export function environment(): Record<string, string | undefined> {
  return process.env;
}

/** Whether somebody looks at stderr as it is written. */
export function isWatched(): boolean {
  return process.stderr.isTTY === true;
}

/** Whether results go to a screen: a bar would be drawn over them. */
export function isOutputShown(): boolean {
  return process.stdout.isTTY === true;
}

/** Whether somebody can be asked. */
export function hasKeyboard(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Bytes to stdout; resolves when the reader has made room. Rejects when the reader is gone. */
export async function writeOutput(bytes: Uint8Array): Promise<void> {
  output ??= Bun.stdout.writer({ highWaterMark: 256 * 1024 });
  output.write(bytes);
  await output.flush();
}

export function writeError(text: string): void {
  process.stderr.write(text);
}

/** Standard input as it comes; let go of at once when the signal aborts. */
export async function* readInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Bun.stdin.stream().getReader();
  const onAbort = () => void reader.cancel();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const part = await reader.read();
      if (part.done) return;
      yield part.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    await reader.cancel();
  }
}
