/**
 * Taste as functions: each takes files and gives one sentence a violation, `file:line` first. What
 * the formatter and the linter already see is not repeated here. `tests/tidy.test.ts` runs them on
 * this checkout.
 */
import { importsOf, resolvePath, type SourceFile } from "./check-floors.ts";
import { lineAt, readSource } from "./source-text.ts";

interface Ban {
  pattern: RegExp;
  /** What to write instead, as the end of a sentence. */
  instead: string;
  /** Where it may stand; everywhere else in `src/` it may not. */
  home?: RegExp;
}

/** Looked for in code, not in comments and strings. */
export const bans: readonly Ban[] = [
  { pattern: /\bDate\.now\(/, instead: "take a Clock", home: /^src\/runtime\/clock\.ts$/ },
  { pattern: /\bnew Date\(\)/, instead: "take a Clock", home: /^src\/runtime\/clock\.ts$/ },
  { pattern: /\bperformance\.now\(/, instead: "take a Clock", home: /^src\/runtime\// },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    instead: "take a Clock",
    home: /^src\/runtime\/clock\.ts$/,
  },
  { pattern: /\bMath\.random\(/, instead: "take dice", home: /^src\/base\/prng\.ts$/ },
  { pattern: /\bprocess\./, instead: "use runtime/", home: /^src\/(runtime\/|main\.ts$)/ },
  { pattern: /\bBun\./, instead: "use runtime/", home: /^src\/(runtime\/|main\.ts$)/ },
  {
    pattern: /\bnew Worker\(/,
    instead: "use runtime/thread.ts",
    home: /^src\/runtime\/thread\.ts$/,
  },
  {
    pattern: /\bconsole\./,
    instead: "use runtime/log.ts or cli/print.ts",
    home: /^src\/cli\/print\.ts$/,
  },
  { pattern: /\bas any\b/, instead: "say the type or check it" },
  { pattern: /\bsql\.file\(/, instead: "import the text: a binary has no files" },
  { pattern: /\bpino\.transport\(/, instead: "write to stdout: it crashes in a compiled binary" },
  { pattern: /^export \*(?! as)/m, instead: "name what is exported: a barrel hides the road" },
  {
    pattern: /^(export )?const \w+( = | = async )(<.*>)?\([^()]*\)(: [^=]+)? =>/m,
    instead: "declare a function",
  },
];

/** Looked for in every text, comments included. Spelled so that they do not find themselves. */
const leftovers = /\b(?:FIX[M]E|TO[D]O|XX[X])\b/;

export function findBanned(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const { code } = readSource(file.text);
    const found = bans
      .filter((ban) => ban.home === undefined || !ban.home.test(file.path))
      .flatMap((ban) => {
        const match = ban.pattern.exec(code);
        if (match === null) return [];
        return [`${file.path}:${lineAt(code, match.index)} has ${match[0].trim()}: ${ban.instead}`];
      });
    return found;
  });
}

export function findLeftovers(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const match = leftovers.exec(file.text);
    if (match === null) return [];
    return [`${file.path}:${lineAt(file.text, match.index)} has ${match[0]}: do it or file it`];
  });
}

export function findMockedModules(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const at = readSource(file.text).code.indexOf("mock.module(");
    return at < 0
      ? []
      : [`${file.path}:${lineAt(file.text, at)} mocks a module: pass a function in`];
  });
}

/** Words that say nothing of what is inside. `services`, in the sense of a proto, does. */
const emptyWords = /^(?:utils?|helpers?|manager|service|common|misc|lib)$/;

export function findBadNames(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const steps = file.path.split("/");
    const name = steps.at(-1) ?? "";
    const words = steps.flatMap((step) => step.split(/[.-]/));
    const empty = words.find((word) => emptyWords.test(word));
    if (empty !== undefined) return [`${file.path}:1 is named ${empty}: name the one idea in it`];
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name)) {
      return [`${file.path}:1 is not in kebab-case`];
    }
    return [];
  });
}

export const columnsMax = 100;
/** A line that is only long by its strings, which the formatter can't break, may go so far. */
const stringColumnsMax = 160;

export function findLongLines(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const { strings } = readSource(file.text);
    let start = 0;
    return file.text.split("\n").flatMap((line, index) => {
      const end = start + line.length;
      const inside = strings.filter((string) => string.start >= start && string.end <= end);
      const stringLength = inside.reduce((sum, string) => sum + string.end - string.start, 0);
      start = end + 1;
      if (line.length <= columnsMax) return [];
      if (line.length - stringLength <= columnsMax - 20 && line.length <= stringColumnsMax)
        return [];
      return [`${file.path}:${index + 1} is ${line.length} columns wide, ${columnsMax} are enough`];
    });
  });
}

export function findLongFiles(files: readonly SourceFile[], linesMax: number): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split("\n").length - 1;
    if (lines <= linesMax) return [];
    return [`${file.path}:1 has ${lines} lines, ${linesMax} are enough: split it by idea`];
  });
}

export const functionLinesMax = 70;

const methodStart =
  /^\s*(?:static |async |override |get |set |\*)*(?!if|for|while|switch|catch|return)#?\w+\(.*\{$/;

/**
 * Trusts the formatter: a function that starts on a line ends on the next line that is indented
 * alike and starts with a closing brace.
 */
export function findLongFunctions(files: readonly SourceFile[]): string[] {
  const starts = [/^\s*(?:export )?(?:default )?(?:async )?function\b/, /=> \{$/, methodStart];
  return files.flatMap((file) => {
    const lines = readSource(file.text).code.split("\n");
    return lines.flatMap((line, index) => {
      if (!starts.some((start) => start.test(line.trimEnd()))) return [];
      const indent = line.match(/^\s*/)?.[0] ?? "";
      const length = lines
        .slice(index + 1)
        .findIndex((other) => other.startsWith(`${indent}}`) && !other.trimEnd().endsWith("{"));
      if (length + 2 <= functionLinesMax) return [];
      return [`${file.path}:${index + 1} has ${length + 2} lines, ${functionLinesMax} are enough`];
    });
  });
}

/** Two that everybody can place, and then an options object: three at most. */
export function findLongSignatures(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const { code } = readSource(file.text);
    return [...code.matchAll(/\bfunction\*? (\w+)(?:<[^(]*>)?\(/g)].flatMap((match) => {
      const count = countParameters(code, match.index + match[0].length);
      if (count <= 3) return [];
      const line = lineAt(code, match.index);
      return [`${file.path}:${line} ${match[1]} takes ${count} parameters: take options`];
    });
  });
}

function countParameters(code: string, start: number): number {
  let depth = 0;
  let count = 0;
  let isEmpty = true;
  for (let at = start; at < code.length; at += 1) {
    const here = code[at] as string;
    if (here === ")" && depth === 0) break;
    if ("([{<".includes(here)) depth += 1;
    if (")]}".includes(here) || (here === ">" && code[at - 1] !== "=")) depth -= 1;
    if (here === "," && depth === 0) {
      count += 1;
      isEmpty = true;
    } else if (/\S/.test(here)) isEmpty = false;
  }
  return isEmpty ? count : count + 1;
}

/** State that outlives a call deserves a header: what it owns, who calls it, what it never does. */
export function findSilentState(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const at = readSource(file.text).code.search(/^(?:export )?let /m);
    if (at < 0 || file.text.startsWith("/**")) return [];
    return [
      `${file.path}:${lineAt(file.text, at)} keeps state and does not open with a /** header`,
    ];
  });
}

/** `db/*.sql` → the names of the tables that they make. */
export function tablesOf(migrations: readonly SourceFile[]): string[] {
  const pattern = /create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?/gi;
  return migrations.flatMap((file) =>
    [...file.text.replace(/--.*$/gm, "").matchAll(pattern)].map((match) => match[1] as string),
  );
}

/**
 * A table is named in SQL by exactly one `*-table.ts`; whoever wants rows asks that file. `joins`
 * are the reads of two tables in one statement: table → the other file that may name it.
 */
export function findSharedTables(
  files: readonly SourceFile[],
  options: { tables: readonly string[]; joins: Readonly<Record<string, string>> },
): string[] {
  return options.tables.flatMap((table) => {
    const users = files
      .filter((file) => namesTable(file.text, table) && file.path !== options.joins[table])
      .map((file) => file.path);
    if (users.length === 1 && users.every((path) => path.endsWith("-table.ts"))) return [];
    const where = users.length === 0 ? "nobody" : users.join(", ");
    return [`table ${table} is named by ${where}: one *-table.ts names it`];
  });
}

function namesTable(text: string, table: string): boolean {
  const word = new RegExp(`\\b(?:from|join|into|update|table|only|truncate)\\s+"?${table}\\b`, "i");
  return readSource(text).strings.some((string) => {
    const content = text.slice(string.start, string.end);
    const isSql =
      string.tag !== null || /^\s*(select|insert|update|delete|with|lock)\b/i.test(content);
    return isSql && word.test(content);
  });
}

/** Files of `src/` to which no road leads from the entry points. */
export function findUnreached(
  files: readonly SourceFile[],
  options: { entries: readonly string[] },
): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const waiting = [...options.entries];
  const reached = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of importsOf(file.text)) {
      if (specifier?.startsWith(".")) waiting.push(resolvePath(path, specifier));
    }
  }
  return files
    .filter((file) => !reached.has(file.path) && !file.path.endsWith(".d.ts"))
    .map((file) => `${file.path}:1 is reached from no entry point`);
}
