#!/usr/bin/env bun
/**
 * The program's door: from argv to a command. The only file that makes the URLs of threads, because
 * in a compiled binary every other file would make wrong ones, and that brings in the dashboard.
 */
import { run } from "./cli/program.ts";
import { loadPageAssets } from "./runtime/page-assets.ts";
import page from "./ui/index.html";

const exitCode = await run(process.argv.slice(2), {
  workerUrls: {
    verify: new URL("./workers/verify-thread.ts", import.meta.url),
    embedded: new URL("./store/embedded-thread.ts", import.meta.url),
  },
  loadPage: () => loadPageAssets(page),
});
// What a reader that stands still has not taken keeps nobody waiting who asked for the end.
if (exitCode === 130) process.exit(exitCode);
process.exitCode = exitCode;
