import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PeerError } from "../base/error.ts";
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

/** Records by requests; what came before a fault is handed out before the fault is thrown. */
export async function* batchesOf(
  source: AsyncIterable<InputRecord[]>,
): AsyncGenerator<Batch, void, void> {
  let records: InputRecord[] = [];
  let characters = 0;
  let first = 1;
  const take = (): Batch => {
    const batch = { first, records };
    first += records.length;
    records = [];
    characters = 0;
    return batch;
  };
  try {
    for await (const some of source) {
      for (const record of some) {
        const isFull =
          records.length === batchRecords || characters + record.text.length > batchBytes;
        if (isFull && records.length > 0) yield take();
        records.push(record);
        characters += record.text.length;
      }
    }
  } catch (thrown) {
    if (records.length > 0) yield take();
    throw thrown;
  }
  if (records.length > 0) yield take();
}

async function statFile(name: string) {
  try {
    const found = await stat(name);
    if (!found.isDirectory()) return found;
  } catch (cause) {
    throw new PeerError("not-found", "no-such-file", {
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
