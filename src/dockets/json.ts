/**
 * Reads JSON strictly and in one pass: a key given twice, a lone surrogate, a byte order mark and
 * anything behind the end are refused, where `JSON.parse` would quietly choose. Documents are read
 * field by field by whoever knows their shape (`decode.ts`), without an object in between.
 */
import { bounds } from "./bounds.ts";

/** Thrown inside the decoders only, and turned into a refusal where they end. */
export class Malformed extends Error {
  constructor(
    readonly code: "size" | "json" | "schema",
    message: string,
  ) {
    super(message);
  }
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue };

/** The names of an object's keys in the order they are usually written. */
export interface Keys {
  readonly names: readonly string[];
  readonly tokens: readonly string[];
}

export function keysOf(names: readonly string[]): Keys {
  return { names, tokens: names.map((name) => `"${name}":`) };
}

/** The value of a whole text; throws `Malformed`. Objects come without a prototype. */
export function parseStrictly(text: string): JsonValue {
  const reader = new JsonReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

const comma = 0x2c;
const quote = 0x22;
const backslash = 0x5c;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const structure = /["{}[\],]/g;
const integer = /(?:0|[1-9]\d*)(?![\d.eE])/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

export class JsonReader {
  at = 0;
  /** The key whose value is read, for refusals; empty before the first. */
  #under = "";

  constructor(readonly text: string) {}

  /** Steps over `{` or `[`. */
  open(bracket: "{" | "["): void {
    this.#space();
    if (this.text[this.at] !== bracket)
      this.#refuse("schema", bracket === "{" ? "an object" : "a list");
    this.at += 1;
  }

  /**
   * Inside an object: which of `keys` comes next, or -1 once the object is closed. `expected` is a
   * guess that saves the reading of the name; an unknown name is refused.
   */
  nextKey(keys: Keys, expected: number, isFirst: boolean): number {
    if (!this.#more(closeBrace, isFirst)) return -1;
    const guess = keys.tokens[expected];
    if (guess !== undefined && this.text.startsWith(guess, this.at)) {
      this.at += guess.length;
      this.#under = keys.names[expected] ?? "";
      return expected;
    }
    const name = this.#key();
    this.#under = name.slice(0, 64);
    const index = keys.names.indexOf(name);
    if (index < 0)
      throw new Malformed("schema", `The key "${name.slice(0, 64)}" is not known here`);
    return index;
  }

  /** Steps over exactly this text if it comes next. */
  skip(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Inside an object: the next key, whatever it is called, or null once the object is closed. */
  nextName(isFirst: boolean): string | null {
    return this.#more(closeBrace, isFirst) ? this.#key() : null;
  }

  /** Inside a list: true when an item comes next, false once the list is closed. */
  nextItem(isFirst: boolean): boolean {
    return this.#more(closeBracket, isFirst);
  }

  /**
   * A string of plain characters, as ids, hashes and times are spelled: it ends at the next quote,
   * and the caller's check of its characters refuses whatever an escape would have needed.
   */
  plain(): string {
    this.#space();
    if (this.text.charCodeAt(this.at) !== quote) this.#refuse("schema", "a string");
    const start = this.at + 1;
    const end = this.text.indexOf('"', start);
    if (end < 0) this.#refuse("json", "the end of a string");
    this.at = end + 1;
    return this.text.slice(start, end);
  }

  /** Any string, its escapes resolved. */
  string(): string {
    this.#space();
    if (this.text.charCodeAt(this.at) !== quote) this.#refuse("schema", "a string");
    const start = this.at;
    // Nearly every long string is followed by another key. Should the guess be wrong, the literal
    // holds a bare quote and does not parse.
    const guess = this.text.indexOf('","', start + 1);
    const literal = guess < 0 ? null : parsedLiteral(this.text.slice(start, guess + 1));
    if (literal !== null) {
      this.at = guess + 1;
      return literal;
    }
    const end = this.#closingQuote(start + 1);
    const value = parsedLiteral(this.text.slice(start, end + 1));
    if (value === null) this.#refuse("json", "a string without bare control characters");
    this.at = end + 1;
    return value;
  }

  /** True and stepped over when `null` comes next. */
  isNull(): boolean {
    this.#space();
    if (!this.text.startsWith("null", this.at)) return false;
    this.at += 4;
    return true;
  }

  #number(): number {
    number.lastIndex = this.at;
    const digits = number.exec(this.text)?.[0];
    if (digits === undefined) this.#refuse("json", "a number");
    this.at += digits.length;
    return Number(digits);
  }

  /** A whole number from 0 on, in its one spelling: no sign, point, exponent or leading zero. */
  integer(): number {
    this.#space();
    integer.lastIndex = this.at;
    const digits = integer.exec(this.text)?.[0];
    if (digits === undefined) this.#refuse("schema", "a whole number");
    this.at += digits.length;
    return Number(digits);
  }

  /**
   * The text of the next value of any kind as it is written, white space around it included, up to
   * the comma or bracket that ends it. Not looked into: it need not even be JSON.
   */
  raw(): string {
    const start = this.at;
    for (let depth = 0; ; ) {
      structure.lastIndex = this.at;
      const mark = structure.exec(this.text)?.[0];
      if (mark === undefined) this.#refuse("json", "the end of a value");
      this.at = structure.lastIndex;
      if (mark === '"') this.at = this.#closingQuote(this.at) + 1;
      else if (mark === "{" || mark === "[") depth += 1;
      else if (depth === 0) {
        this.at -= 1;
        return this.text.slice(start, this.at);
      } else if (mark !== ",") depth -= 1;
    }
  }

  value(depth: number): JsonValue {
    if (depth > bounds.jsonDepth) throw new Malformed("json", "The JSON is nested too deeply");
    this.#space();
    const first = this.text[this.at];
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#list(depth);
    if (first === '"') return this.string();
    if (this.isNull()) return null;
    for (const word of [true, false]) {
      if (!this.text.startsWith(String(word), this.at)) continue;
      this.at += String(word).length;
      return word;
    }
    return this.#number();
  }

  /** Nothing but white space may be left. */
  end(): void {
    this.#space();
    if (this.at !== this.text.length) this.#refuse("json", "the end");
  }

  #object(depth: number): JsonValue {
    this.open("{");
    const object: { [key: string]: JsonValue } = Object.create(null);
    for (let isFirst = true; this.#more(closeBrace, isFirst); isFirst = false) {
      const name = this.#key();
      if (name in object)
        throw new Malformed("json", `The key "${name.slice(0, 64)}" is there twice`);
      object[name] = this.value(depth + 1);
    }
    return object;
  }

  #list(depth: number): JsonValue {
    this.open("[");
    const list: JsonValue[] = [];
    for (let isFirst = true; this.#more(closeBracket, isFirst); isFirst = false) {
      list.push(this.value(depth + 1));
    }
    return list;
  }

  #key(): string {
    if (this.text.charCodeAt(this.at) !== quote) this.#refuse("json", "a key");
    const name = this.string();
    this.#space();
    if (this.text[this.at] !== ":") this.#refuse("json", '":"');
    this.at += 1;
    return name;
  }

  /** Steps to the next member, over the comma before it; false when the closing bracket came. */
  #more(closing: number, isFirst: boolean): boolean {
    let char = this.text.charCodeAt(this.at);
    if (char <= 0x20) {
      this.#space();
      char = this.text.charCodeAt(this.at);
    }
    if (char === closing) {
      this.at += 1;
      return false;
    }
    if (isFirst) return true;
    if (char !== comma) this.#refuse("json", "a comma or the end");
    this.at += 1;
    this.#space();
    if (this.text.charCodeAt(this.at) === closing) this.#refuse("json", "a member after the comma");
    return true;
  }

  #closingQuote(start: number): number {
    for (let end = this.text.indexOf('"', start); end >= 0; end = this.text.indexOf('"', end + 1)) {
      let before = end;
      while (before > start && this.text.charCodeAt(before - 1) === backslash) before -= 1;
      if ((end - before) % 2 === 0) return end;
    }
    return this.#refuse("json", "the end of a string");
  }

  #space(): void {
    for (;;) {
      const char = this.text.charCodeAt(this.at);
      if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return;
      this.at += 1;
    }
  }

  #refuse(code: "json" | "schema", wanted: string): never {
    const isCut = this.at >= this.text.length;
    throw new Malformed(
      isCut ? "json" : code,
      isCut
        ? `The JSON ends where ${wanted} should be`
        : `Character ${this.at}${this.#under && ` at "${this.#under}"`} should be ${wanted}`,
    );
  }
}

/** The string that one JSON literal stands for; null when it is none or holds a lone surrogate. */
function parsedLiteral(literal: string): string | null {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === "string" && value.isWellFormed() ? value : null;
  } catch {
    return null;
  }
}
