/** Where a text stops being JSON. `offset` counts UTF-16 units from 0. */
export interface JsonFault {
  offset: number;
  /** What was expected there, as the end of a sentence. */
  message: string;
}

/** The first fault of a text that should be one JSON value, or null. Any depth, no recursion. */
export function jsonFault(text: string): JsonFault | null {
  try {
    const end = skipSpace(text, valueEnd(text, 0));
    return end === text.length ? null : { offset: end, message: "expected the end of the text" };
  } catch (thrown) {
    if (thrown instanceof Fault) return { offset: thrown.offset, message: thrown.message };
    throw thrown;
  }
}

/**
 * The raw text of one member of a JSON object: everything between its colon and the comma or brace
 * behind it, white space included. The last one when the key occurs twice, as `JSON.parse` sees it;
 * null when it isn't there. The text must be valid JSON.
 */
export function memberText(text: string, key: string): string | null {
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return null;
  let found: string | null = null;
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at);
    const name: unknown = JSON.parse(text.slice(at, nameEnd));
    const start = colonEnd(text, nameEnd);
    at = skipSpace(text, valueEnd(text, start));
    if (name === key) found = text.slice(start, at);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return found;
}

/** Line and column, both from 1, of an offset; columns count characters. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return { line, column: [...before.slice(lineStart)].length + 1 };
}

class Fault extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

function valueEnd(text: string, start: number): number {
  const closers: string[] = [];
  let at = start;
  for (;;) {
    at = skipSpace(text, at);
    const opener = text[at];
    if (opener === "{" || opener === "[") {
      const closer = opener === "{" ? "}" : "]";
      at = skipSpace(text, at + 1);
      if (text[at] === closer) {
        at += 1;
      } else {
        closers.push(closer);
        if (closer === "}") at = memberStart(text, at);
        continue;
      }
    } else {
      at = scalarEnd(text, at);
    }
    at = leave(text, at, closers);
    if (closers.length === 0) return at;
    if (closers.at(-1) === "}") at = memberStart(text, skipSpace(text, at));
  }
}

/** Behind a value: closes what ends here; stops behind the comma that announces the next value. */
function leave(text: string, start: number, closers: string[]): number {
  let at = start;
  while (closers.length > 0) {
    at = skipSpace(text, at);
    if (text[at] === ",") return at + 1;
    const closer = closers.at(-1) as string;
    if (text[at] !== closer) throw new Fault(at, `expected "," or "${closer}"`);
    closers.pop();
    at += 1;
  }
  return at;
}

function memberStart(text: string, at: number): number {
  if (text[at] !== '"') throw new Fault(at, "expected a member's name in double quotes");
  return colonEnd(text, stringEnd(text, at));
}

function colonEnd(text: string, start: number): number {
  const at = skipSpace(text, start);
  if (text[at] !== ":") throw new Fault(at, 'expected ":"');
  return at + 1;
}

function scalarEnd(text: string, at: number): number {
  if (at >= text.length) throw new Fault(at, "expected a value, found the end");
  if (text[at] === '"') return stringEnd(text, at);
  const scalar = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  scalar.lastIndex = at;
  if (!scalar.test(text)) throw new Fault(at, "expected a value");
  return scalar.lastIndex;
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) throw new Fault(at, "a control character in a string must be escaped");
    if (code !== 0x5c) continue;
    at += 1;
    if (text[at] === "u") {
      if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) {
        throw new Fault(at - 1, "expected four hex digits behind \\u");
      }
      at += 4;
    } else if (!'"\\/bfnrt'.includes(text[at] ?? " ")) {
      throw new Fault(at - 1, "no such escape");
    }
  }
  throw new Fault(text.length, "the string that started before has no end");
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    at += 1;
  }
  return at;
}
