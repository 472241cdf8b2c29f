import { expect, test } from "bun:test";
import fc from "fast-check";
import { jsonFault, memberText, placeOf } from "../../src/base/json-scan.ts";

test("jsonFault agrees with JSON.parse on any mutilated JSON text", () => {
  const texts = fc.tuple(fc.json(), fc.nat(), fc.constantFrom("", ",", '"', "}", "\\", "\n", "0"));
  fc.assert(
    fc.property(texts, ([text, at, splice]) => {
      const cut = text.length === 0 ? 0 : at % text.length;
      const mutilated = text.slice(0, cut) + splice + text.slice(cut + 1);
      expect(jsonFault(mutilated) === null).toBe(isJson(mutilated));
    }),
    { numRuns: 2_000 },
  );
});

test("jsonFault names the place of the first fault", () => {
  const faults: [string, number][] = [
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ["[1 2]", 3],
    ['"x', 2],
    ['"a\tb"', 2],
    ['"\\x"', 1],
    ["01", 1],
    ["", 0],
    ["{} {}", 3],
    ["\uFEFF{}", 0],
  ];
  for (const [text, offset] of faults) expect(jsonFault(text)?.offset).toBe(offset);
});

test("jsonFault stands a hundred thousand open brackets", () => {
  expect(jsonFault("[".repeat(100_000))?.offset).toBe(100_000);
  expect(jsonFault("[".repeat(100_000) + "]".repeat(100_000))).toBeNull();
});

test("memberText gives the raw text of a member: digits, order and white space untouched", () => {
  const text = '{ "x":1, "data" : {"b":12345678901234567890, "a":[1,2]} ,"y":"data"}';
  expect(memberText(text, "data")).toBe(' {"b":12345678901234567890, "a":[1,2]} ');
  expect(memberText('{"\\u0064ata":[]}', "data")).toBe("[]");
  expect(memberText('{"a":{"data":1}}', "data")).toBeNull();
  expect(memberText("[1]", "data")).toBeNull();
});

test("placeOf counts lines and characters from 1", () => {
  expect(placeOf("ab\nżół\u{1F600}x", 8)).toEqual({ line: 2, column: 5 });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
