import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { readInput } from "../runtime/terminal.ts";
import { type InputRecord, readNdjson } from "./record-lines.ts";
import { readCsv } from "./record-rows.ts";

export type InputFormat = "ndjson" | "csv";

/** What is to be imported, before a byte of it was sent. */
export interface ImportInput {
  name: string;
  format: InputFormat;
  /** Null: nobody knows before the end. */
  bytes: number | null;
  /** Given, else derived from the file's content; for standard input made up. */
  importId: string;
  /** Whether a second run would find this id by itself. */
  isIdDerived: boolean;
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Records that go in one request, and where the first of them stands in the import, from 1. */
export interface Batch {
  first: number;
  records: InputRecord[];
}

const batchRecords = 1_000;
const batchBytes = 4 * 2 ** 20;
const pauseMs = 500;

export async function openInput(
  name: string,
  options: { format?: InputFormat; importId?: string },
): Promise<ImportInput> {
  if (name === "-") {
    return {
      name: "standard input",
      format: options.format ?? "ndjson",
      bytes: null,
      importId: options.importId ?? randomBytes(16).toString("hex"),
      isIdDerived: false,
      open: readInput,
    };
  }
  const found = await statFile(name);
  const open = () => createReadStream(name, { highWaterMark: 2 ** 18 });
  return {
    name,
    format: options.format ?? (/\.csv$/i.test(name) ? "csv" : "ndjson"),
    bytes: found.isFile() ? found.size : null,
    importId: options.importId ?? (await contentHash(open())),
    isIdDerived: options.importId === undefined,
    open,
  };
}

export function readRecords(
  input: ImportInput,
  options: { bytes: AsyncIterable<Uint8Array>; skipped: () => void },
): AsyncGenerator<InputRecord[]> {
  const bytesMax = limits.transactionBytes;
  if (input.format === "csv") return readCsv(options.bytes, { bytesMax });
  return readNdjson(options.bytes, { bytesMax, skipped: options.skipped });
}

/**
 * Records by requests. What came before a fault is handed out before the fault is thrown, and what
 * waits is handed out when the source pauses, so that a live source gets sealed as it comes.
 */
export async function* batchesOf(
  source: AsyncIterable<InputRecord[]>,
): AsyncGenerator<Batch, void, void> {
  const pending = new Pending();
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const coming = iterator.next();
      if (pending.count > 0 && !(await isSoon(coming))) yield pending.take();
      const some = await coming;
      if (some.done) break;
      for (const record of some.value) {
        if (!pending.hasRoomFor(record)) yield pending.take();
        pending.add(record);
      }
    }
  } catch (thrown) {
    if (pending.count > 0) yield pending.take();
    throw thrown;
  } finally {
    // Not waited for: it may be busy with a read that only an abort ends.
    iterator.return?.(undefined)?.catch(() => undefined);
  }
  if (pending.count > 0) yield pending.take();
}

class Pending {
  #records: InputRecord[] = [];
  #characters = 0;
  #first = 1;

  get count(): number {
    return this.#records.length;
  }

  hasRoomFor(record: InputRecord): boolean {
    if (this.count === 0) return true;
    return this.count < batchRecords && this.#characters + record.text.length <= batchBytes;
  }

  add(record: InputRecord): void {
    this.#records.push(record);
    this.#characters += record.text.length;
  }

  take(): Batch {
    const batch = { first: this.#first, records: this.#records };
    this.#first += this.#records.length;
    this.#records = [];
    this.#characters = 0;
    return batch;
  }
}

/** False when it isn't there within the longest pause that is waited out. */
async function isSoon(coming: Promise<unknown>): Promise<boolean> {
  const nap = new AbortController();
  const came = coming.then(
    () => true,
    () => true,
  );
  const waited = systemClock.sleep(pauseMs, nap.signal).then(
    () => false,
    () => true,
  );
  const soon = await Promise.race([came, waited]);
  nap.abort();
  return soon;
}

async function statFile(name: string) {
  try {
    const found = await stat(name);
    if (!found.isDirectory()) return found;
  } catch (cause) {
    throw new PeerError("invalid", "no-such-file", {
      message: `The file ${name} does not exist or may not be read`,
      cause,
    });
  }
  throw new PeerError("invalid", "not-a-file", { message: `${name} is a directory` });
}

async function contentHash(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}
