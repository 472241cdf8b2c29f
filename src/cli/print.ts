import Table from "cli-table3";
import { writeError } from "../runtime/terminal.ts";

export const outputFormats = ["table", "json", "ndjson", "csv"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** A column of a listing: its title and what stands in it. */
export type Columns<T> = Record<string, (row: T) => string | number>;

/** A result on stdout. */
export function writeLine(line: string): void {
  console.log(line);
}

/** Progress and remarks on stderr: they never get into what a script reads. */
export function writeNote(line: string): void {
  writeError(`${harmless(line)}\n`);
}

/** A stranger's control characters would command the terminal: they are shown instead. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A list: a table for people, one JSON array, one object a line, or CSV of the table's columns. */
export function printList<T extends object>(
  rows: readonly T[],
  options: {
    output: OutputFormat;
    columns: Columns<T>;
    /** Said in place of a table without rows. */
    empty: string;
    /** How many there are in all: people are told. */
    total?: number;
    quiet?: boolean;
  },
): void {
  const { output, columns, total } = options;
  const titles = Object.keys(columns);
  const cells = rows.map((row) => titles.map((title) => columns[title]?.(row) ?? ""));
  if (output === "json") {
    writeLine(JSON.stringify(rows));
  } else if (output === "ndjson") {
    for (const row of rows) writeLine(JSON.stringify(row));
  } else if (output === "csv") {
    for (const line of [titles, ...cells]) writeLine(line.map(csvCell).join(","));
  } else if (rows.length === 0) {
    writeNote(total ? `0 of ${grouped(total)} shown` : options.empty);
  } else {
    const table = new Table({ head: titles, style: { head: [], border: [], compact: true } });
    table.push(...cells.map((line) => line.map((cell) => harmless(String(cell)))));
    writeLine(table.toString());
    if (total === undefined || options.quiet) return;
    writeNote(`${grouped(rows.length)} of ${grouped(total)} shown`);
  }
}

/** One thing: its members one below the other for people, else one JSON object on one line. */
export function printOne(thing: object, options: { output: OutputFormat }): void {
  const members = flat(thing);
  if (options.output === "csv") {
    writeLine(members.map(([name]) => csvCell(name)).join(","));
    writeLine(members.map(([, value]) => csvCell(plain(value))).join(","));
  } else if (options.output === "table") {
    const width = Math.max(...members.map(([name]) => name.length));
    for (const one of members) writeLine(harmless(`${one[0].padEnd(width)}  ${shown(one)}`));
  } else {
    writeLine(JSON.stringify(thing));
  }
}

/** Members of members as `outer.inner`; lists stay whole. */
function flat(thing: object, before = ""): [name: string, value: unknown][] {
  return Object.entries(thing).flatMap(([name, value]) => {
    const isNested = typeof value === "object" && value !== null && !Array.isArray(value);
    return isNested ? flat(value, `${before}${name}.`) : [[`${before}${name}`, value]];
  });
}

export function grouped(number: number): string {
  return number.toLocaleString("en-GB");
}

/** For people. A port is a name made of digits, and no quantity. */
function shown([name, value]: [name: string, value: unknown]): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number" && !/port$/i.test(name)) return grouped(value);
  return plain(value);
}

/** For programs: numbers as they are, nothing for null. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(" ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
