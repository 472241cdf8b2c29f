/** The kinds of field that documents are made of, each with its one spelling. */
import { bounds } from "./bounds.ts";
import { type JsonReader, Malformed } from "./json.ts";
import { timeMsOf } from "./time.ts";

export function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Register, transaction, validator and node ids: none of their characters needs an escape. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9._:-]{1,255}$/.test(text);
}

/** Base64url without padding; whether it is canonical shows when its bytes are taken. */
export function isBase64url(text: string): boolean {
  return text.length <= bounds.keyLength && /^[A-Za-z0-9_-]+$/.test(text);
}

export function readList<T>(
  reader: JsonReader,
  options: { read: (reader: JsonReader) => T; countMax: number; what: string },
): T[] {
  const items: T[] = [];
  reader.open("[");
  for (let isFirst = true; reader.nextItem(isFirst); isFirst = false) {
    if (items.length === options.countMax) {
      throw new Malformed("size", `There are more than ${options.countMax} ${options.what}`);
    }
    items.push(options.read(reader));
  }
  return items;
}

export function once(seen: number, key: number, names: readonly string[]): number {
  const bit = 1 << key;
  if ((seen & bit) !== 0) throw new Malformed("json", `The key "${names[key]}" is there twice`);
  return seen | bit;
}

export function needed(seen: number, needs: number, names: readonly string[]): void {
  if ((seen & needs) === needs) return;
  const name = names.find((_, index) => (needs & ~seen & (1 << index)) !== 0);
  throw new Malformed("schema", `The key "${name}" is missing`);
}

export function readId(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isId(text)) throw new Malformed("schema", `${name} is not an id`);
  return text;
}

export function readHash(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isHash(text)) throw new Malformed("schema", `${name} is not 64 lowercase hex characters`);
  return text;
}

export function readBase64url(reader: JsonReader, name: string): string {
  const text = reader.plain();
  if (!isBase64url(text)) throw new Malformed("schema", `${name} is not base64url`);
  return text;
}

export function readAlgorithm(reader: JsonReader): string {
  const text = reader.plain();
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) throw new Malformed("schema", "algorithm is not a name");
  return text;
}

export function readTime(reader: JsonReader): string {
  const text = reader.plain();
  if (timeMsOf(text) === null) {
    throw new Malformed("schema", "A time is spelled YYYY-MM-DDTHH:mm:ss.sssZ");
  }
  return text;
}

export function readCount(reader: JsonReader, name: string): number {
  const value = reader.integer();
  if (!Number.isSafeInteger(value)) {
    throw new Malformed("schema", `${name} is not a whole number that can be counted to`);
  }
  return value;
}
