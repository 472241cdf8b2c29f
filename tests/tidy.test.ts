import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { checkFloors, readTree, type SourceFile } from "../scripts/check-floors.ts";
import {
  bans,
  findBadNames,
  findBanned,
  findLeftovers,
  findLongFiles,
  findLongFunctions,
  findLongLines,
  findLongSignatures,
  findMockedModules,
  findSharedTables,
  findSilentState,
  findUnreached,
  tablesOf,
} from "../scripts/tidy-rules.ts";

/** Where a rule does not hold, and why. Short, or the rule is wrong. */
const allowances: readonly { rule: string; file: RegExp; why: string }[] = [];

/** A transaction's bytes lie in its docket's bundle, and one lookup is better than two. */
const joins = { dockets: "src/registers/transactions-table.ts" };

const source = await readTree("src/**/*.{ts,tsx}");
const tests = await readTree("tests/**/*.ts");
const scripts = await readTree("scripts/*.ts");
const all = [...source, ...tests, ...scripts];
const migrations = await readTree("db/*.sql");

/** Entry points: the program, what it starts as threads, and what its page loads. */
const threads = ["src/workers/verify-thread.ts", "src/store/embedded-thread.ts"];
const entries = ["src/main.ts", ...threads, "src/ui/app.tsx"];

describe("this checkout", () => {
  test("keeps to the floors", () => expect(checkFloors(source)).toEqual([]));
  test("uses the clock, the dice and the surroundings in one place each", () =>
    expect(allowed("banned", findBanned(source))).toEqual([]));
  test("has no leftovers", () => expect(findLeftovers([...all, ...migrations])).toEqual([]));
  test("tests real modules", () => expect(findMockedModules(tests)).toEqual([]));
  test("names files for what is in them", () => expect(findBadNames(all)).toEqual([]));
  test("is 100 columns wide", () => expect(allowed("columns", findLongLines(all))).toEqual([]));
  test("has files of one idea", () =>
    expect(
      allowed("lines", [
        ...findLongFiles([...source, ...scripts], 300),
        ...findLongFiles(tests, 500),
      ]),
    ).toEqual([]));
  test("has functions that fit on a screen", () =>
    expect(allowed("functions", findLongFunctions([...source, ...scripts]))).toEqual([]));
  test("has signatures that can be read", () =>
    expect(allowed("signatures", findLongSignatures([...source, ...scripts]))).toEqual([]));
  test("says what owns state", () => expect(findSilentState(source)).toEqual([]));
  test(
    "names each table in one file",
    () =>
      // Every table's name is looked for in every file: seconds, on a busy machine.
      expect(findSharedTables(source, { tables: tablesOf(migrations), joins })).toEqual([]),
    60_000,
  );
  test("says of every dependency why it is here", async () => {
    const about = await Bun.file(new URL("../package.json", import.meta.url)).json();
    const readme = await Bun.file(new URL("../README.md", import.meta.url)).text();
    const names = Object.keys({ ...about.dependencies, ...about.devDependencies });
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
  test("names in its README only files that are there", async () => {
    const readme = await Bun.file(new URL("../README.md", import.meta.url)).text();
    const paths = [...readme.matchAll(/`((?:src|tests|scripts|docs|db|proto)\/[\w./-]+\.\w+)`/g)];
    const missing = paths.map((match) => match[1] as string).filter((path) => !isHere(path));
    expect(missing).toEqual([]);
  });
  test("has no file that nothing leads to", () =>
    expect(findUnreached(source, { entries })).toEqual([]));
});

function isHere(path: string): boolean {
  return existsSync(new URL(`../${path}`, import.meta.url));
}

function allowed(rule: string, violations: readonly string[]): string[] {
  const ways = allowances.filter((allowance) => allowance.rule === rule);
  return violations.filter((violation) => !ways.some((way) => way.file.test(violation)));
}

/** Every rule must be able to fail, or a typo in it would pass for tidiness. */
describe("a tidy rule", () => {
  const at = (path: string, text: string): SourceFile[] => [{ path, text }];

  test.each([
    "const a = Date.now();",
    "const a = new Date();",
    "performance.now();",
    "setTimeout(run, 5);",
    "Math.random();",
    "process.exit(1);",
    "Bun.file(path);",
    "new Worker(url);",
    "console.log(1);",
    "const a = b as any;",
    'sql.file("a.sql");',
    "pino.transport({});",
    'export * from "./a.ts";',
    "export const add = (a: number, b: number): number => a + b;",
    "const add = async (a: number) => a;",
  ])("bans %j", (text) => {
    expect(findBanned(at("src/peers/book.ts", text))).toHaveLength(1);
    expect(
      findBanned(at("src/peers/book.ts", `// ${text}\nconst b = ${JSON.stringify(text)};`)),
    ).toEqual([]);
  });

  test("lets the home of a banned thing have it", () => {
    expect(findBanned(at("src/runtime/clock.ts", "Date.now(); setTimeout(run, 5);"))).toEqual([]);
    expect(findBanned(at("src/main.ts", "process.exit(await run(process.argv));"))).toEqual([]);
    expect(bans.filter((ban) => ban.home !== undefined).length).toBeGreaterThan(5);
  });

  test("finds leftovers in comments", () => {
    expect(findLeftovers(at("src/a.ts", `// ${"TO"}${"DO"}: later`))).toHaveLength(1);
  });

  test("finds names that say nothing", () => {
    const names = ["src/base/utils.ts", "src/peers/peer-manager.ts", "src/common/a.ts"];
    for (const name of names) expect(findBadNames(at(name, ""))).toHaveLength(1);
    expect(findBadNames(at("src/peers/peerBook.ts", ""))).toHaveLength(1);
    expect(findBadNames(at("src/wire/services.ts", ""))).toEqual([]);
  });

  test("finds wide lines, and lets a sentence be one", () => {
    expect(findLongLines(at("a.ts", `const a = ${"b + ".repeat(30)}c;`))).toHaveLength(1);
    expect(findLongLines(at("a.ts", `const a = "${"b ".repeat(50)}";`))).toEqual([]);
    expect(findLongLines(at("a.ts", `const a = "${"b ".repeat(90)}";`))).toHaveLength(1);
  });

  test("finds long functions, methods and callbacks", () => {
    const body = "  x();\n".repeat(70);
    for (const start of ["function a() {", "export async function a() {", "run(() => {"]) {
      const end = start.startsWith("run") ? "});" : "}";
      expect(findLongFunctions(at("a.ts", `${start}\n${body}${end}\n`))).toHaveLength(1);
      expect(findLongFunctions(at("a.ts", `${start}\n  x();\n${end}\n${body}`))).toEqual([]);
    }
    const method = `class A {\n  async #run(a: number): Promise<void> {\n${body}  }\n}\n`;
    expect(findLongFunctions(at("a.ts", method))).toHaveLength(1);
  });

  test("finds long signatures", () => {
    expect(
      findLongSignatures(at("a.ts", "function a(b: A, c: Map<B, C>, d: { e: F }) {}")),
    ).toEqual([]);
    expect(findLongSignatures(at("a.ts", "function a(b: A, c: B, d: C, e: D) {}"))).toHaveLength(1);
  });

  test("finds state without a header", () => {
    expect(findSilentState(at("a.ts", "import a;\nlet b = 1;\n"))).toHaveLength(1);
    expect(findSilentState(at("a.ts", "/** Owns b. */\nlet b = 1;\n"))).toEqual([]);
    expect(findSilentState(at("a.ts", "function a() {\n  let b = 1;\n}\n"))).toEqual([]);
  });

  test("finds tables that two files name", () => {
    const tables = tablesOf(at("db/1.sql", "-- create table no\nCREATE TABLE heads (a int);"));
    expect(tables).toEqual(["heads"]);
    const home = { path: "src/registers/heads-table.ts", text: "sql`select * from heads`" };
    const other = { path: "src/rest/app.ts", text: "sql`delete from heads`" };
    const talk = { path: "src/rest/app.ts", text: 'const a = "more from heads";' };
    const find = (files: SourceFile[]) => findSharedTables(files, { tables, joins: {} });
    expect(find([home, talk])).toEqual([]);
    expect(find([home, other])).toHaveLength(1);
    expect(find([other])).toHaveLength(1);
    expect(find([talk])).toHaveLength(1);
  });

  test("finds files that nothing leads to", () => {
    const files = [
      { path: "src/main.ts", text: 'import type { A } from "./cli/a.ts";' },
      { path: "src/cli/a.ts", text: "" },
      { path: "src/cli/b.ts", text: 'import "./a.ts";' },
    ];
    expect(findUnreached(files, { entries: ["src/main.ts"] })).toEqual([
      "src/cli/b.ts:1 is reached from no entry point",
    ]);
  });

  test("finds mocked modules", () => {
    expect(findMockedModules(at("a.test.ts", 'mock.module("./a.ts", () => ({}));'))).toHaveLength(
      1,
    );
  });
});
