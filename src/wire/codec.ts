import protobuf from "protobufjs";
import { PeerError } from "../base/error.ts";
import type { Draft } from "./messages.ts";

/** How one message becomes bytes and back. */
export interface Codec<T> {
  encode(message: Draft<T>): Uint8Array;
  /** Throws `invalid` for bytes that are no such message. */
  decode(bytes: Uint8Array): T;
}

/** For messages that pass through untouched: their bytes are the message. */
export const rawCodec: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes };

/** The types of one .proto file. Files know each other only by Google's well-known types. */
export function parseProto(text: string): { root: protobuf.Root; imports: readonly string[] } {
  const root = new protobuf.Root();
  const { imports = [] } = protobuf.parse(text, root);
  for (const name of imports) root.addJSON(protobuf.common.get(name)?.nested ?? {});
  root.resolveAll();
  return { root, imports };
}

export function codecOf<T extends object>(type: protobuf.Type): Codec<T> {
  return {
    encode: (message) => type.encode(message).finish(),
    decode: (bytes) => {
      try {
        const message = type.toObject(type.decode(bytes), {
          defaults: true,
          arrays: true,
          objects: true,
          longs: Number,
          oneofs: true,
        });
        checkNumbers(message, type);
        return message as T;
      } catch (error) {
        if (error instanceof PeerError) throw error;
        throw notDecodable(type, error);
      }
    },
  };
}

/**
 * A 64-bit integer that JavaScript would round must not get in. Doing the check after the
 * conversion is enough: rounding never makes an unsafe number safe.
 */
function checkNumbers(message: Record<string, unknown>, type: protobuf.Type): void {
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === null || value === undefined) continue;
    const values = field.repeated || field.map ? Object.values(value) : [value];
    if (field.resolvedType instanceof protobuf.Type) {
      for (const item of values) checkNumbers(item as Record<string, unknown>, field.resolvedType);
    } else if (field.type.endsWith("64")) {
      if (values.every(Number.isSafeInteger)) continue;
      throw new PeerError("invalid", "bad-message", {
        message: `Field ${field.name} of ${type.name} holds a number beyond 2^53`,
      });
    }
  }
}

function notDecodable(type: protobuf.Type, cause: unknown): PeerError {
  return new PeerError("invalid", "bad-message", {
    message: `The bytes are not a ${type.name} message`,
    cause,
  });
}
