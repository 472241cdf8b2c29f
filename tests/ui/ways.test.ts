import { expect, test } from "bun:test";
import { Glob } from "bun";
import { endpoints } from "../../src/rest/contract.ts";
import { ways } from "../../src/ui/net/ways.ts";

const root = new URL("../../src/ui/", import.meta.url).pathname;

/** Handing in a docket that somebody else sealed is what programs do. */
const forPrograms = ["handInDocket"];

test("whatever can be changed over REST can be changed on the page, but what programs do", async () => {
  const writes = Object.entries(endpoints).filter(([, { method }]) => method !== "GET");
  const names = writes.map(([name]) => name);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !(name in ways))).toEqual(forPrograms);
  const texts: string[] = [];
  for await (const path of new Glob("**/*.{ts,tsx}").scan(root)) {
    if (path !== "net/ways.ts") texts.push(await Bun.file(root + path).text());
  }
  const all = texts.join("\n");
  expect(Object.keys(ways).filter((name) => !all.includes(`"${name}"`))).toEqual([]);
});
