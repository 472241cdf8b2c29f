import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import readme from "../../README.md" with { type: "text" };
import { PeerError } from "../base/error.ts";
import { type Child, spawnChild, workingFolder } from "../runtime/process.ts";

export interface DemoRecords {
  /** A file that `import` takes. */
  path: string;
  /** Where they come from, as the end of a sentence. */
  what: string;
}

/** Enough to see a rate, not enough to wait for. */
const recordsMax = 10_000;

/**
 * Real data without asking anybody for it: the history of the git repository that the demo is run
 * in, a record a commit and a record a line that was ever added or removed, oldest first. Outside
 * of a repository the program's own manual is all there is.
 */
export async function gatherRecords(folder: string): Promise<DemoRecords> {
  const path = join(folder, "records.ndjson");
  const history = await takeRecords(gitRecords(workingFolder()), path);
  if (history > 0) return { path, what: `${history} records of this repository's git history` };
  const lines = await takeRecords(manualRecords(), path);
  return {
    path,
    what: `${lines} lines of this program's manual, for want of a git repository here`,
  };
}

/** Writes them as NDJSON. Returns how many there were; more than `recordsMax` are not asked for. */
async function takeRecords(records: AsyncIterable<object>, path: string): Promise<number> {
  const file = createWriteStream(path, { mode: 0o600 });
  let count = 0;
  for await (const record of records) {
    if (!file.write(`${JSON.stringify(record)}\n`)) await once(file, "drain");
    count += 1;
    if (count === recordsMax) break;
  }
  file.end();
  await once(file, "close");
  return count;
}

/** Ends without a record where there is no git, no repository or no commit. */
async function* gitRecords(folder: string): AsyncGenerator<object> {
  const format = "--format=%x01%H%x00%an%x00%aI%x00%s";
  const shape = ["--reverse", "-p", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv"];
  const child = spawnUnlessMissing(["git", "-C", folder, "log", ...shape, format]);
  if (child === null) return;
  try {
    yield* readHistory(linesOf(child.output));
  } finally {
    await child.stop(1_000);
  }
}

/** `git log -p` as records. `at` is where the next added or removed line stands in its file. */
async function* readHistory(lines: AsyncIterable<string>): AsyncGenerator<object> {
  let commit = "";
  let file = "";
  let at = { removed: 0, added: 0 };
  let isInHunk = false;
  for await (const line of lines) {
    const hunk = /^@@ -(\d+)\S* \+(\d+)/.exec(line);
    if (line.startsWith("\u0001")) {
      const [hash = "", author, time, subject] = line.slice(1).split("\0");
      commit = hash.slice(0, 12);
      isInHunk = false;
      yield { commit, author, time, subject };
    } else if (line.startsWith("diff --git ")) {
      file = line.slice(line.lastIndexOf(" b/") + 3);
      isInHunk = false;
    } else if (hunk !== null) {
      at = { removed: Number(hunk[1]), added: Number(hunk[2]) };
      isInHunk = true;
    } else if (isInHunk && line.startsWith("+")) {
      yield { commit, file, line: at.added++, added: line.slice(1) };
    } else if (isInHunk && line.startsWith("-")) {
      yield { commit, file, line: at.removed++, removed: line.slice(1) };
    }
  }
}

async function* manualRecords(): AsyncGenerator<object> {
  for (const [index, text] of readme.split("\n").entries()) {
    yield { file: "README.md", line: index + 1, text };
  }
}

function spawnUnlessMissing(command: string[]): Child | null {
  try {
    return spawnChild(command);
  } catch (error) {
    if (error instanceof PeerError && error.code === "program-missing") return null;
    throw error;
  }
}

async function* linesOf(output: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of output) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
