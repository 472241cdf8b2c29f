import { finished } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { PeerError } from "../base/error.ts";
import type { InputRecord } from "./record-lines.ts";

/**
 * Records of CSV with a header line: each row as a JSON object of texts, members in the order of
 * the columns. The same row always gives the same text. Throws `invalid` with the fault's line.
 */
export async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  options: { bytesMax: number },
): AsyncGenerator<InputRecord[]> {
  const rows: Row[] = [];
  const parser = parse({
    bom: true,
    skip_empty_lines: true,
    max_record_size: options.bytesMax,
    // Taken here, since a parser that fails drops the rows that nobody has read yet.
    on_record: (cells: string[], { lines }) => {
      rows.push({ cells, line: lines });
      return null;
    },
  });
  let fault: unknown = null;
  parser.on("error", (error) => {
    fault = error;
  });
  parser.resume();
  let names: string[] | null = null;
  const take = (): InputRecord[] =>
    rows.splice(0).flatMap(({ cells, line }) => {
      if (names !== null) return [{ text: objectText(names, cells), line }];
      names = readHeader(cells);
      return [];
    });
  for await (const text of textOf(bytes)) {
    await new Promise<void>((written) => parser.write(text, () => written()));
    yield take();
    if (fault !== null) break;
  }
  if (fault === null) await new Promise<void>((ended) => finished(parser.end(), () => ended()));
  yield take();
  if (fault !== null) throw fault instanceof CsvError ? badRow(fault, options.bytesMax) : fault;
}

interface Row {
  cells: string[];
  line: number;
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
