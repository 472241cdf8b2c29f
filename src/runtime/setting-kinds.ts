/** Kinds of settings that come more than once, with their ranges, and those ranges in words. */
import { z } from "zod";

export function port(preset: number, name: string) {
  return wholeNumber(0, 65_535).default(preset).describe(`${name}; 0 picks a free one`);
}

export function budget(meaning: string) {
  const schema = z.number().int().min(0).max(1e12);
  return numeric(
    schema.refine((rate) => rate === 0 || rate >= 65_536, "must be 0 or 65536 to 1e12"),
  )
    .default(0)
    .describe(`${meaning}; 0: no bound, else 65536 or more`);
}

export function wholeNumber(min: number, max: number) {
  return numeric(z.number().int().min(min).max(max));
}

export function share() {
  return numeric(z.number().min(0).max(1));
}

export function rate(perMinute: number, meaning: string) {
  return wholeNumber(1, 10_000_000).default(perMinute).describe(meaning);
}

export function boolean() {
  return z.preprocess((value) => {
    if (value === "true" || value === "1" || value === "on") return true;
    if (value === "false" || value === "0" || value === "off") return false;
    return value;
  }, z.boolean());
}

export function hostAndPort() {
  return z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, "must be HOST:PORT");
}

/** A number, or the digits of one: variables and flags are texts. Nothing else is taken for one. */
function numeric(schema: z.ZodNumber) {
  return z.preprocess((value) => {
    const isDigits = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value);
    return isDigits ? Number(value) : value;
  }, schema);
}

/** What a setting may be. */
export type Allowed =
  | { kind: "choice"; values: readonly string[] }
  | { kind: "number"; min: number; max: number; isWhole: boolean }
  | { kind: "list" | "text" };

export function allowedIn(schema: z.ZodType): Allowed {
  const shape = z.toJSONSchema(schema, { io: "output", unrepresentable: "any" });
  if (shape.enum !== undefined) return { kind: "choice", values: shape.enum.map(String) };
  if (shape.type === "boolean") return { kind: "choice", values: ["true", "false"] };
  if (shape.type === "integer" || shape.type === "number") {
    const { minimum: min = 0, maximum: max = 0 } = shape;
    return { kind: "number", min, max, isWhole: shape.type === "integer" };
  }
  return { kind: shape.type === "array" ? "list" : "text" };
}
