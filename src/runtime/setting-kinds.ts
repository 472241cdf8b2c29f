/** Kinds of settings that come more than once, with their ranges. */
import { z } from "zod";

export function port(name: string) {
  return z.coerce.number().int().min(0).max(65_535).describe(`${name}; 0 picks a free one`);
}

export function budget(meaning: string) {
  return z.coerce
    .number()
    .int()
    .min(0)
    .max(1e12)
    .refine((rate) => rate === 0 || rate >= 65_536, "must be 0 or at least 65536")
    .default(0)
    .describe(`${meaning}; 0: no bound, else 65536 or more`);
}

export function wholeNumber(min: number, max: number) {
  return z.coerce.number().int().min(min).max(max);
}

export function rate(perMinute: number, meaning: string) {
  return z.coerce.number().int().min(1).max(10_000_000).default(perMinute).describe(meaning);
}

export function boolean() {
  return z.preprocess((value) => {
    if (value === "true" || value === "1" || value === "on") return true;
    if (value === "false" || value === "0" || value === "off") return false;
    return value;
  }, z.boolean());
}
