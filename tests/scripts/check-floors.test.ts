import { describe, expect, test } from "bun:test";
import { checkFloors, importsOf } from "../../scripts/check-floors.ts";

function violationsOf(path: string, text: string): string[] {
  return checkFloors([{ path, text }]);
}

describe("importsOf", () => {
  test.each([
    ['import { a } from "./a.ts";', "./a.ts"],
    ['import type { A } from "./a.ts";', "./a.ts"],
    ['import { type A, b } from "./a.ts";', "./a.ts"],
    ['import {\n  a,\n  b,\n} from "./a.ts";', "./a.ts"],
    ['import text from "./a.sql" with { type: "text" };', "./a.sql"],
    ["import './a.ts';", "./a.ts"],
    ['export { a } from "./a.ts";', "./a.ts"],
    ['export type { A } from "./a.ts";', "./a.ts"],
    ['export * as a from "./a.ts";', "./a.ts"],
    ['const a = await import("./a.ts");', "./a.ts"],
    ['let a: import("./a.ts").A;', "./a.ts"],
    ["const a = import(`./a.ts`);", "./a.ts"],
    ["const a = import(name);", null],
    [`const a = import(\`./\${name}.ts\`);`, null],
  ])("finds the one in %j", (text, specifier) => {
    expect(importsOf(text).map((found) => found.specifier)).toEqual([specifier]);
  });

  test.each([
    '// import { a } from "./a.ts";',
    '/**\n * import { a } from "./a.ts";\n */',
    `const text = 'import { a } from "./a.ts"';`,
    'const text = `\nimport { a } from "./a.ts";\n`;',
    'export const from = "./a.ts";',
    'export function copy(from: string) {\n  return from + "./a.ts";\n}',
    'const isQuote = /["\'`]/.test("x"); // import "./a.ts"',
    "const url = import.meta.url;",
    "await this.#import(node);",
    "await origin.import(records);",
  ])("finds none in %j", (text) => {
    expect(importsOf(text)).toEqual([]);
  });

  test("counts lines from 1, past strings and comments", () => {
    const text = 'const a = `\n"\n`;\n/* " */\nimport { b } from "./b.ts";\n';
    expect(importsOf(text)).toEqual([{ line: 5, specifier: "./b.ts" }]);
  });
});

describe("checkFloors", () => {
  test("lets a file import its own folder and lower floors", () => {
    const text = 'import "./score.ts";\nimport "../base/error.ts";\nimport "../wire/client.ts";\n';
    expect(violationsOf("src/peers/book.ts", text)).toEqual([]);
  });

  test("refuses a higher floor, even for a type", () => {
    const text = 'import "zod";\nimport type { Loop } from "../replication/loop.ts";\n';
    expect(violationsOf("src/dockets/verify.ts", text)).toEqual([
      "src/dockets/verify.ts:2 imports floor 4 from floor 1 (src/replication/loop.ts)",
    ]);
  });

  test("refuses a neighbour on the same floor", () => {
    expect(
      violationsOf("src/peers/book.ts", 'export { feed } from "../registers/feed.ts";'),
    ).toEqual(["src/peers/book.ts:1 imports floor 3 from floor 3 (src/registers/feed.ts)"]);
  });

  test("refuses folders and files that stand on no floor", () => {
    expect(violationsOf("src/extras/a.ts", "")).toEqual(["src/extras/a.ts:1 stands on no floor"]);
    expect(violationsOf("src/other.ts", "")).toEqual(["src/other.ts:1 stands on no floor"]);
    expect(violationsOf("src/assets.d.ts", "")).toEqual([]);
  });

  test("lets main.ts see everything and nothing see main.ts", () => {
    expect(violationsOf("src/main.ts", 'import "./node.ts";\nimport "./cli/serve.ts";')).toEqual(
      [],
    );
    expect(violationsOf("src/cli/serve.ts", 'import "../main.ts";')).toHaveLength(1);
  });

  test("keeps SQL to store/ and protos to wire/", () => {
    expect(violationsOf("src/store/migrations.ts", 'import a from "../../db/0001.sql";')).toEqual(
      [],
    );
    expect(violationsOf("src/rest/app.ts", 'import a from "../../db/0001.sql";')).toEqual([
      "src/rest/app.ts:1 imports db/0001.sql, which lies outside src/",
    ]);
  });

  test("keeps singletons out of threads", () => {
    const path = "src/workers/verify-thread.ts";
    expect(violationsOf(path, 'import "./messages.ts";\nimport "../dockets/a.ts";')).toEqual([]);
    expect(violationsOf(path, 'import "../runtime/log.ts";')).toHaveLength(1);
  });

  test("refuses imports that it cannot follow", () => {
    expect(violationsOf("src/base/a.ts", "import(name);")).toHaveLength(1);
    expect(violationsOf("src/base/a.ts", 'import "./b";')).toEqual([
      "src/base/a.ts:1 imports ./b without its extension",
    ]);
  });
});
