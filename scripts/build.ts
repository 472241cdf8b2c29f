/**
 * Makes `dist/sorcha-peer`, or the file that is named: the program, its threads, Bun and every
 * asset in one file. The threads are entry points of their own, since only `main.ts` knows where
 * they end up.
 */
import { resolve } from "node:path";

const root = new URL("../", import.meta.url).pathname;
const entries = ["src/main.ts", "src/workers/verify-thread.ts", "src/store/embedded-thread.ts"];
const outfile = resolve(root, process.argv[2] ?? "dist/sorcha-peer");

const started = performance.now();
const child = Bun.spawnSync(
  [
    process.execPath,
    "build",
    "--compile",
    "--minify",
    "--splitting",
    ...entries,
    "--outfile",
    outfile,
  ],
  { cwd: root, stdout: "pipe", stderr: "pipe" },
);
if (!child.success) {
  console.error(`${child.stdout}${child.stderr}`);
  process.exit(1);
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const megabytes = (Bun.file(outfile).size / 2 ** 20).toFixed(0);
console.log(`${outfile}: ${megabytes} MiB in ${seconds} s`);
