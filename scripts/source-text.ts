/**
 * TypeScript as text, read just well enough for the checks in this folder: where comments and
 * strings are. A parser would say more, but imports of types vanish from most of their outputs.
 */
export interface SourceText {
  /** The file as it is. */
  text: string;
  /** Same length; comments are blanked and so is what stands between quotes. Newlines stay. */
  code: string;
  /** String and template literals in order; a template with substitutions comes in parts. */
  strings: StringLiteral[];
}

export interface StringLiteral {
  /** Where its content starts and ends in the text. */
  start: number;
  end: number;
  /** The identifier right before the backtick: `sql` in sql`…`. */
  tag: string | null;
}

export function readSource(text: string): SourceText {
  const scan: Scan = { text, at: 0, code: [...text.replace(/[^\n]/g, " ")], strings: [] };
  scanCode(scan, null);
  return { text, code: scan.code.join(""), strings: scan.strings };
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
  }
  return line;
}

interface Scan {
  text: string;
  at: number;
  /** Blank; what turns out to be code is copied in. UTF-16 units, so that offsets agree. */
  code: string[];
  strings: StringLiteral[];
}

/** Up to the end of the text, or to the brace that closes a substitution when `until` is "}". */
function scanCode(scan: Scan, until: "}" | null): void {
  let depth = 0;
  while (scan.at < scan.text.length) {
    const here = scan.text[scan.at] as string;
    const two = scan.text.slice(scan.at, scan.at + 2);
    if (two === "//") skipTo(scan, scan.text.indexOf("\n", scan.at));
    else if (two === "/*") skipTo(scan, scan.text.indexOf("*/", scan.at + 2) + 2);
    else if (here === '"' || here === "'") scanString(scan, here);
    else if (here === "`") scanTemplate(scan);
    else if (here === "/" && startsRegex(scan)) scanRegex(scan);
    else {
      if (until !== null && here === "}" && depth === 0) return;
      if (here === "{") depth += 1;
      if (here === "}") depth -= 1;
      keep(scan);
    }
  }
}

function scanString(scan: Scan, quote: string): void {
  keep(scan);
  const start = scan.at;
  while (scan.at < scan.text.length && scan.text[scan.at] !== quote) {
    if (scan.text[scan.at] === "\n") break;
    scan.at += scan.text[scan.at] === "\\" ? 2 : 1;
  }
  scan.strings.push({ start, end: scan.at, tag: null });
  keep(scan);
}

function scanTemplate(scan: Scan): void {
  const before = scan.code.slice(Math.max(0, scan.at - 40), scan.at).join("");
  const tag = before.match(/([\w$]+)$/)?.[1] ?? null;
  keep(scan);
  let start = scan.at;
  while (scan.at < scan.text.length && scan.text[scan.at] !== "`") {
    if (scan.text.startsWith("${", scan.at)) {
      scan.strings.push({ start, end: scan.at, tag });
      keep(scan);
      keep(scan);
      scanCode(scan, "}");
      keep(scan);
      start = scan.at;
    } else {
      scan.at += scan.text[scan.at] === "\\" ? 2 : 1;
    }
  }
  scan.strings.push({ start, end: scan.at, tag });
  keep(scan);
}

function scanRegex(scan: Scan): void {
  keep(scan);
  let isInClass = false;
  while (scan.at < scan.text.length && scan.text[scan.at] !== "\n") {
    const here = scan.text[scan.at];
    if (here === "/" && !isInClass) break;
    if (here === "[") isInClass = true;
    if (here === "]") isInClass = false;
    scan.at += here === "\\" ? 2 : 1;
  }
  keep(scan);
}

/** A slash after a value divides; after an operator, a bracket or nothing it opens a regex. */
function startsRegex(scan: Scan): boolean {
  // A closing tag.
  if (scan.text[scan.at - 1] === "<") return false;
  let before = scan.at - 1;
  while (before >= 0 && /\s/.test(scan.code[before] as string)) before -= 1;
  if (before < 0) return true;
  if (/[\w$)\]}"'`]/.test(scan.code[before] as string)) {
    const word = scan.code.slice(Math.max(0, before - 9), before + 1).join("");
    return /\b(?:return|typeof|case|in|of|await|yield)$/.test(word);
  }
  return true;
}

function keep(scan: Scan): void {
  if (scan.at < scan.text.length) scan.code[scan.at] = scan.text[scan.at] as string;
  scan.at += 1;
}

function skipTo(scan: Scan, offset: number): void {
  scan.at = offset <= scan.at ? scan.text.length : offset;
}
