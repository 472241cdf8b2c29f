/**
 * The one rule of the house: a file imports its own folder or a strictly lower floor, types
 * included. Floor order is boot order; reversed it is shutdown order. Run by `bun run floors`.
 */
import { Glob } from "bun";
import { lineAt, readSource } from "./source-text.ts";

/** Folders and files under `src/`. Folders on one floor do not know each other. */
export const floors: Readonly<Record<string, number>> = {
  base: 0,
  runtime: 1,
  dockets: 1,
  store: 2,
  wire: 2,
  workers: 2,
  trust: 2,
  telemetry: 2,
  peers: 3,
  registers: 3,
  replication: 4,
  distribution: 4,
  sealing: 4,
  rpc: 5,
  rest: 5,
  "node.ts": 6,
  cli: 7,
  ui: 7,
  "main.ts": 8,
};

/** What lies outside `src/` and may come in, and by which folder. */
const outside: readonly { path: RegExp; by: RegExp }[] = [
  { path: /^db\/[^/]+\.sql$/, by: /^src\/store\// },
  { path: /^proto\/[^/]+\.proto$/, by: /^src\/wire\// },
  { path: /^vendor\/scalar\//, by: /^src\/rest\// },
  { path: /^(package\.json|README\.md)$/, by: /^src\// },
  // The packages name none of these files in their exports, and a binary needs them inside.
  {
    path: /^node_modules\/@electric-sql\/pglite(-prepopulatedfs)?\/dist\//,
    by: /^src\/store\/embedded-thread\.ts$/,
  },
];

/**
 * Files that may import less than their floor allows. Singletons are per thread: a thread that
 * imported one would own a second database pool.
 */
const narrow: readonly { file: RegExp; allowed: RegExp; why: string }[] = [
  {
    file: /^src\/(?!store\/).*-thread\.ts$/,
    allowed: /^src\/(base|dockets)\/|\/messages\.ts$/,
    why: "a thread imports base/, dockets/ and its messages.ts only",
  },
  {
    file: /^src\/rest\/(contract|endpoint|schemas|\w+-endpoints)\.ts$/,
    allowed: /^src\/rest\/(endpoint|schemas|\w+-endpoints)\.ts$/,
    why: "the contract is read by server, CLI and page, and stands by itself",
  },
];

export interface SourceFile {
  /** From the top of the checkout: `src/base/error.ts`. */
  path: string;
  text: string;
}

export interface Import {
  line: number;
  /** Null: not a plain string, so that nobody can say where it leads. */
  specifier: string | null;
}

/** One sentence a violation, `file:line` first. */
export function checkFloors(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    if (floorOf(file.path) === null && !file.path.endsWith(".d.ts")) {
      return [`${file.path}:1 stands on no floor`];
    }
    return importsOf(file.text).flatMap((found) => {
      const wrong = judge(file.path, found.specifier);
      return wrong === null ? [] : [`${file.path}:${found.line} ${wrong}`];
    });
  });
}

/** Every import of a file: of values and of types, re-exports, dynamic ones, import types. */
export function importsOf(text: string): Import[] {
  const source = readSource(text);
  const found: Import[] = [];
  const patterns = [
    /(?<![.#$\w])(?:import|export)\b[^;'"`(=]*?\bfrom\s*["']/g,
    /(?<![.#$\w])import\s*["']/g,
    /(?<![.#$\w])import\s*\(\s*(?:["'`]|(?=[^\s"'`]))/g,
  ];
  for (const pattern of patterns) {
    for (const match of source.code.matchAll(pattern)) {
      const start = match.index + match[0].length;
      const literal = source.strings.find((string) => string.start === start);
      const isWhole = literal !== undefined && /["'`]/.test(text[literal.end] ?? "");
      found.push({
        line: lineAt(text, match.index),
        specifier: isWhole ? text.slice(literal.start, literal.end) : null,
      });
    }
  }
  return found.sort((left, right) => left.line - right.line);
}

function judge(path: string, specifier: string | null): string | null {
  if (specifier === null) return "imports a computed name, which no checker can follow";
  if (!specifier.startsWith(".")) return null;
  const target = resolvePath(path, specifier);
  if (!/\.\w+$/.test(target)) return `imports ${specifier} without its extension`;
  if (!target.startsWith("src/")) {
    const isAllowed = outside.some((way) => way.path.test(target) && way.by.test(path));
    return isAllowed ? null : `imports ${target}, which lies outside src/`;
  }
  const bound = narrow.find((rule) => rule.file.test(path) && !rule.allowed.test(target));
  if (bound !== undefined) return `imports ${target}: ${bound.why}`;
  const own = floorOf(path);
  const other = floorOf(target);
  if (own === null || folderOf(path) === folderOf(target)) return null;
  if (other === null) return `imports ${target}, which stands on no floor`;
  return other < own ? null : `imports floor ${other} from floor ${own} (${target})`;
}

function floorOf(path: string): number | null {
  return floors[folderOf(path)] ?? null;
}

/** `src/peers/book.ts` → `peers`, `src/node.ts` → `node.ts`. */
function folderOf(path: string): string {
  return path.split("/")[1] ?? "";
}

export function resolvePath(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** The checkout's files that match, `tests/vectors` and the like left to whoever asks. */
export async function readTree(pattern: string): Promise<SourceFile[]> {
  const root = new URL("../", import.meta.url).pathname;
  const paths = await Array.fromAsync(new Glob(pattern).scan({ cwd: root }));
  paths.sort();
  return Promise.all(
    paths.map(async (path) => ({ path, text: await Bun.file(root + path).text() })),
  );
}

if (import.meta.main) {
  const files = await readTree("src/**/*.{ts,tsx}");
  const violations = checkFloors(files);
  for (const violation of violations) console.error(violation);
  console.log(`floors: ${files.length} files, ${violations.length} violations`);
  process.exit(violations.length === 0 ? 0 : 1);
}
