import { JsonReader, type JsonValue, Malformed, parseStrictly } from "./json.ts";

/**
 * The members of a payload's top level, each as the text it is written in and not looked into; null
 * when the payload is no object or has a key twice.
 */
export function payloadMembers(payloadJson: string): Map<string, string> | null {
  const reader = new JsonReader(payloadJson);
  const members = new Map<string, string>();
  try {
    reader.open("{");
    for (let name = reader.nextName(true); name !== null; name = reader.nextName(false)) {
      if (members.has(name)) return null;
      members.set(name, reader.raw());
    }
    reader.end();
    return members;
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown;
    return null;
  }
}

/** The value of a member; undefined where it is missing or does not read. */
export function memberValue(raw: string | undefined): JsonValue | undefined {
  if (raw === undefined) return undefined;
  try {
    return parseStrictly(raw);
  } catch (thrown) {
    if (!(thrown instanceof Malformed)) throw thrown;
    return undefined;
  }
}
