import { textOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { jsonFault, placeOf } from "../base/json-scan.ts";

/** One record on its way in: its exact text, and the line of the input it comes from. */
export interface InputRecord {
  text: string;
  line: number;
}

/** Lines of a byte stream as they are, without their "\n"; several at a time. */
export async function* splitLines(
  bytes: AsyncIterable<Uint8Array>,
  options: { bytesMax: number },
): AsyncGenerator<{ line: number; bytes: Uint8Array }[]> {
  let line = 1;
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of bytes) {
    const lines: { line: number; bytes: Uint8Array }[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const last = chunk.subarray(start, end);
      lines.push({ line, bytes: rest.length === 0 ? last : Buffer.concat([...rest, last]) });
      rest = [];
      restBytes = 0;
      line += 1;
      start = end + 1;
    }
    const long = lines.find((one) => one.bytes.length > options.bytesMax);
    if (lines.length > 0 && long === undefined) yield lines;
    if (start < chunk.length) {
      // Whoever sends the chunks may use their memory again.
      rest.push(chunk.slice(start));
      restBytes += chunk.length - start;
    }
    if (long === undefined && restBytes <= options.bytesMax) continue;
    const before = lines.filter((one) => one.line < (long?.line ?? line));
    if (long !== undefined && before.length > 0) yield before;
    throw tooLong(long?.line ?? line, options.bytesMax);
  }
  if (restBytes > 0) yield [{ line, bytes: Buffer.concat(rest) }];
}

/**
 * Records of NDJSON: each line's exact text, checked to be JSON. Lines of nothing but white space
 * are left out and told to `skipped`. Throws `invalid` with line and column at the first fault.
 */
export async function* readNdjson(
  bytes: AsyncIterable<Uint8Array>,
  options: { bytesMax: number; skipped: () => void },
): AsyncGenerator<InputRecord[]> {
  for await (const lines of splitLines(bytes, options)) {
    const records: InputRecord[] = [];
    for (const one of lines) {
      const record = readRecord(one);
      if (record instanceof PeerError) {
        if (records.length > 0) yield records;
        throw record;
      }
      if (record === null) options.skipped();
      else records.push(record);
    }
    yield records;
  }
}

function readRecord(given: { line: number; bytes: Uint8Array }): InputRecord | PeerError | null {
  const { line } = given;
  const text = textOf(given.bytes);
  if (text === null) {
    return badRecord(`Line ${line} is not well-formed UTF-8`, { line });
  }
  try {
    JSON.parse(text);
    return { text, line };
  } catch {
    if (text.trim() === "") return null;
    return describeFault(text, line);
  }
}

function describeFault(text: string, line: number): PeerError {
  if (line === 1 && text.startsWith("\uFEFF")) {
    const message = "Line 1, column 1 starts with a byte order mark, which is not JSON: remove it";
    return badRecord(message, { line, column: 1 });
  }
  const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
  const { column } = placeOf(text, fault.offset);
  return badRecord(`Line ${line}, column ${column} is not JSON: ${fault.message}`, {
    line,
    column,
  });
}

function badRecord(message: string, facts: { line: number; column?: number }): PeerError {
  return new PeerError("invalid", "bad-record", { message, facts });
}

function tooLong(line: number, bytesMax: number): PeerError {
  return new PeerError("too-large", "record-too-large", {
    message: `Line ${line} is longer than a record may be, which is ${bytesMax / 2 ** 20} MiB`,
    facts: { line, bytesMax },
  });
}
