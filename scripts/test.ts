/**
 * Runs every test: the unit tests, then the cluster tests, which start real nodes and have more
 * time. With arguments (`bun run test tests/dockets`), only the files whose path contains one of
 * them. The last line is `N passed, N failed`; no test at all is a failure, too.
 */
import { Glob } from "bun";
import { findTestDatabase } from "./test-database.ts";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const root = new URL("../", import.meta.url).pathname;
const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2);

const database = await findTestDatabase(process.env.TEST_DATABASE_URL);
console.log(`The tests use ${database.what}`);
const stop = () => {
  database.stop();
  process.exit(130);
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

const files = (await Array.fromAsync(new Glob("tests/**/*.test.ts").scan({ cwd: root })))
  .filter((path) => wanted.length === 0 || wanted.some((word) => path.includes(word)))
  .sort();
const isCluster = (path: string) => path.startsWith("tests/cluster/");
await runTests({ files: files.filter((path) => !isCluster(path)), timeoutMs: 30_000 });
await runTests({ files: files.filter(isCluster), timeoutMs: 300_000 });
database.stop();

if (totals.passed + totals.failed === 0) {
  console.log("No test was run");
  totals.failed = 1;
}
const skipped = totals.skipped === 0 ? "" : `, ${totals.skipped} skipped`;
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exit(totals.failed === 0 ? 0 : 1);

/**
 * Every file in a fresh module registry: singletons of one test must not leak into the next. Two
 * files at a time, since tests of processes and time-outs mostly wait.
 */
async function runTests(options: { files: string[]; timeoutMs: number }): Promise<void> {
  if (options.files.length === 0) return;
  const paths = options.files.map((path) => `./${path}`);
  // A failed test may leave a process behind, which would keep the output open for ever.
  const flags = ["--isolate", "--parallel=2", "--no-orphans", `--timeout=${options.timeoutMs}`];
  const child = Bun.spawn([process.execPath, "test", ...flags, ...paths], {
    cwd: root,
    env: { ...process.env, TEST_DATABASE_URL: database.url ?? "" },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  const found: Totals = { passed: 0, failed: 0, skipped: 0 };
  for await (const line of linesOf(child.stderr)) {
    console.error(line);
    count(found, line);
  }
  const code = await child.exited;
  if (code !== 0 && found.failed === 0) {
    console.error(`The test run ended with exit code ${code} and no failed test`);
    found.failed = 1;
  }
  totals.passed += found.passed;
  totals.failed += found.failed;
  totals.skipped += found.skipped;
}

/** Bun closes with ` 12 pass`, ` 1 skip`, ` 1 todo`, ` 0 fail`, a line each. */
function count(found: Totals, line: string): void {
  const match = line.match(/^ *(\d+) (pass|fail|skip|todo)$/);
  if (match === null) return;
  if (match[2] === "pass") found.passed = Number(match[1]);
  else if (match[2] === "fail") found.failed = Number(match[1]);
  else found.skipped += Number(match[1]);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
