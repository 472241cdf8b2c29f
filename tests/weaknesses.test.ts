import { expect, test } from "bun:test";
import { Glob } from "bun";

/** Of the reference service, what the mesh must make impossible. */
const wanted = [...numbers(16, 25), ...numbers(48, 61)];
const root = new URL("./", import.meta.url).pathname;

test("Each weakness of the reference service's mesh has a test that names it", async () => {
  const named = new Set<number>();
  for await (const path of new Glob("**/*.test.ts").scan({ cwd: root })) {
    const text = await Bun.file(root + path).text();
    for (const [title] of text.matchAll(/^\s*(test|describe)[.(].*$/gm)) {
      for (const [said] of title.matchAll(/weakness(es)? \d+(, \d+)*( and \d+)?/g)) {
        for (const [number] of said.matchAll(/\d+/g)) named.add(Number(number));
      }
    }
  }
  expect(wanted.filter((number) => !named.has(number))).toEqual([]);
});

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
