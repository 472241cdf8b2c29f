import { pipeline, Readable } from "node:stream";
import { CsvError, type Info, parse } from "csv-parse";
import { PeerError } from "../base/error.ts";
import type { InputRecord } from "./record-lines.ts";

const rowsAtOnce = 500;

/**
 * Records of CSV with a header line: each row as a JSON object of texts, members in the order of the
 * columns. The same row always gives the same text. Throws `invalid` with the line of the fault.
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: { bytesMax: number },
): AsyncGenerator<InputRecord[]> {
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    max_record_size: options.bytesMax,
  });
  // Its failures come out of the parser as well.
  pipeline(Readable.from(textOf(bytes)), parser, () => undefined);
  let names: string[] | null = null;
  let records: InputRecord[] = [];
  try {
    for await (const { record, info } of parser as AsyncIterable<Row>) {
      if (names === null) {
        names = readHeader(record);
        continue;
      }
      records.push({ text: objectText(names, record), line: info.lines });
      if (records.length < rowsAtOnce) continue;
      yield records;
      records = [];
    }
  } catch (thrown) {
    if (records.length > 0) yield records;
    throw thrown instanceof CsvError ? badRow(thrown, options.bytesMax) : thrown;
  }
  yield records;
}

interface Row {
  record: string[];
  info: Info;
}

async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let line = 1;
  try {
    for await (const chunk of bytes) {
      const text = decoder.decode(chunk, { stream: true });
      for (const character of text) if (character === "\n") line += 1;
      if (text !== "") yield text;
    }
    decoder.decode();
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new PeerError("invalid", "bad-record", {
      message: `The CSV is not well-formed UTF-8, at line ${line} or a little behind it`,
    });
  }
}

function readHeader(names: string[]): string[] {
  const empty = names.indexOf("");
  const doubled = names.find((name, index) => names.indexOf(name) !== index);
  if (empty < 0 && doubled === undefined) return names;
  const what = empty >= 0 ? `column ${empty + 1} has no name` : `two columns are named ${doubled}`;
  throw new PeerError("invalid", "bad-header", { message: `In the CSV's header line ${what}` });
}

function objectText(names: readonly string[], cells: readonly string[]): string {
  const members = names.map((name, at) => `${JSON.stringify(name)}:${JSON.stringify(cells[at])}`);
  return `{${members.join(",")}}`;
}

function badRow(error: CsvError, bytesMax: number): PeerError {
  const line = Number(error.lines);
  if (error.code === "CSV_MAX_RECORD_SIZE") {
    return new PeerError("too-large", "record-too-large", {
      message: `The row at line ${line} is longer than ${bytesMax / 2 ** 20} MiB`,
      facts: { line, bytesMax },
    });
  }
  const column = Number(error.column) + 1;
  const message = `Line ${line}, column ${column} of the CSV is broken: ${error.message}`;
  return new PeerError("invalid", "bad-record", { message, facts: { line, column } });
}
