import { jsonFault } from "../../base/json-scan.ts";
import { systemClock } from "../../runtime/clock.ts";

/** What is in a chosen file: each record's exact text, and the line of the file it comes from. */
export interface RecordFile {
  format: "NDJSON" | "CSV";
  records: readonly { text: string; line: number }[];
  /** Lines of nothing but white space. */
  skipped: number;
  /** The same for the same content: an import of it that was broken off is taken up by it. */
  importId: string;
}

/** More than this a page should not hold in memory; the command line streams. */
const fileBytesMax = 128 * 2 ** 20;
/** Records read between two breaths, so that the page stays alive. */
const linesAtOnce = 5_000;

/** Reads it whole. Throws a sentence that names the line for what is no record. */
export async function readRecordFile(file: File): Promise<RecordFile> {
  if (file.size > fileBytesMax) {
    const most = fileBytesMax / 2 ** 20;
    throw new Error(`A page takes files up to ${most} MiB: use "sorcha-peer import" for this one.`);
  }
  const bytes = await file.arrayBuffer();
  const text = textOf(bytes);
  const importId = await idOf(file, bytes);
  const format = /\.csv$/i.test(file.name) ? "CSV" : "NDJSON";
  const { records, skipped } = format === "CSV" ? readCsv(text) : await readNdjson(text);
  if (records.length === 0) throw new Error("There are no records in this file.");
  return { format, records, skipped, importId };
}

function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("The file is not well-formed UTF-8.");
  }
}

/** As the command line has it: either takes up what the other began. */
async function idOf(file: File, bytes: ArrayBuffer): Promise<string> {
  // Without it, on pages over plain HTTP, the file's own marks must do.
  if (crypto.subtle === undefined) return `file-${file.size}-${file.lastModified}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function readNdjson(text: string) {
  const records: { text: string; line: number }[] = [];
  let skipped = 0;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const [index, line] of lines.entries()) {
    if (index % linesAtOnce === linesAtOnce - 1) await systemClock.sleep(0);
    try {
      JSON.parse(line);
      records.push({ text: line, line: index + 1 });
    } catch {
      if (line.trim() !== "") throw notJson(line, index + 1);
      skipped += 1;
    }
  }
  return { records, skipped };
}

function notJson(text: string, line: number): Error {
  const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
  const column = [...text.slice(0, fault.offset)].length + 1;
  return new Error(`Line ${line}, column ${column} is not JSON: ${fault.message}.`);
}

/** Each row as an object of texts, its members in the columns' order, as the command line does. */
function readCsv(text: string) {
  const [head, ...rows] = rowsOf(text.startsWith("\uFEFF") ? text.slice(1) : text);
  const names = head?.cells ?? [];
  const doubled = names.find((name, index) => names.indexOf(name) !== index);
  if (names.includes("")) throw new Error("In the header line a column has no name.");
  if (doubled !== undefined) throw new Error(`In the header line two columns are ${doubled}.`);
  const records = rows.map(({ cells, line }) => {
    if (cells.length !== names.length) {
      throw new Error(`Line ${line} has ${cells.length} cells, the header line ${names.length}.`);
    }
    const member = (name: string, at: number) =>
      `${JSON.stringify(name)}:${JSON.stringify(cells[at])}`;
    const members = names.map(member);
    return { text: `{${members.join(",")}}`, line };
  });
  return { records, skipped: 0 };
}

interface Row {
  cells: string[];
  line: number;
}

/** RFC 4180: quotes around what holds commas, quotes or line breaks; empty lines are left out. */
function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const cell = text[at] === '"' ? quotedCell(text, { at, line }) : plainCell(text, { at, line });
    cells.push(cell.value);
    line = cell.line;
    at = cell.end;
    const isEnd = at >= text.length || text[at] !== ",";
    if (isEnd) {
      if (cells.length > 1 || cells[0] !== "") rows.push({ cells, line });
      cells = [];
      if (text[at] === "\r") at += 1;
      if (text[at] === "\n") line += 1;
    } else if (at === text.length - 1) {
      rows.push({ cells: [...cells, ""], line });
    }
    at += 1;
  }
  return rows;
}

interface Cell {
  value: string;
  end: number;
  line: number;
}

function plainCell(text: string, from: { at: number; line: number }): Cell {
  let end = from.at;
  while (end < text.length && !',\n\r"'.includes(text[end] ?? "")) end += 1;
  if (text[end] === '"') throw new Error(`Line ${from.line}: a quote stands inside a plain cell.`);
  return { value: text.slice(from.at, end), end, line: from.line };
}

function quotedCell(text: string, from: { at: number; line: number }): Cell {
  let value = "";
  let start = from.at + 1;
  for (;;) {
    const end = text.indexOf('"', start);
    if (end < 0) throw new Error(`Line ${from.line}: a quote is not closed.`);
    value += text.slice(start, end);
    if (text[end + 1] !== '"') {
      const next = text[end + 1];
      if (next !== undefined && !",\n\r".includes(next)) {
        throw new Error(`Line ${from.line}: something stands behind a closing quote.`);
      }
      return { value, end: end + 1, line: from.line + value.split("\n").length - 1 };
    }
    value += '"';
    start = end + 2;
  }
}
