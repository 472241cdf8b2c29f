import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { timeMsOf } from "../../src/dockets/time.ts";

describe("timeMsOf", () => {
  test("reads every time that is spelled so, from year 0 to year 9999", () => {
    const min = Date.parse("0000-01-01T00:00:00.000Z");
    const max = Date.parse("9999-12-31T23:59:59.999Z");
    fc.assert(
      fc.property(fc.integer({ min, max }), (ms) => {
        expect(timeMsOf(new Date(ms).toISOString())).toBe(ms);
      }),
      { numRuns: 2000 },
    );
    expect(timeMsOf("2024-02-29T00:00:00.000Z")).toBe(Date.UTC(2024, 1, 29));
  });

  test("refuses every other spelling, and days that are none", () => {
    for (const text of [
      "",
      "2023-02-29T00:00:00.000Z",
      "2023-04-31T00:00:00.000Z",
      "2023-13-01T00:00:00.000Z",
      "2023-00-01T00:00:00.000Z",
      "2023-01-00T00:00:00.000Z",
      "2023-01-01T24:00:00.000Z",
      "2023-01-01T00:60:00.000Z",
      "2023-01-01T00:00:60.000Z",
      "2023-01-01T00:00:00.000z",
      "2023-01-01 00:00:00.000Z",
      "2023-01-01T00:00:00,000Z",
      "2023-01-01T00:00:00.00 Z",
      "2023-1--01T00:00:00.000Z",
      "2023-01-01T00:00:00Z",
      "2023-01-01T00:00:00.000+00:00",
      "+002023-01-01T00:00:00.00",
    ]) {
      expect(timeMsOf(text)).toBeNull();
    }
  });

  test("takes a changed spelling only where Date agrees on it", () => {
    const place = fc.nat({ max: 23 });
    fc.assert(
      fc.property(place, fc.constantFrom(..."0123456789:-.TZ "), (at, char) => {
        const time = "2023-11-14T22:13:20.000Z";
        const text = time.slice(0, at) + char + time.slice(at + 1);
        const date = new Date(text);
        const isTime = !Number.isNaN(date.getTime()) && date.toISOString() === text;
        expect(timeMsOf(text)).toBe(isTime ? date.getTime() : null);
      }),
    );
  });
});
