import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, lastLine, runProgram } from "../support/node.ts";
import { awkwardLines } from "../support/records.ts";

test("demo --once --json says that three nodes hold the same, in one JSON object", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-"));
  const file = join(folder, "records.ndjson");
  await Bun.write(file, `${awkwardLines.join("\n")}\n`);
  const done = await runProgram(["demo", file, "--once", "--json"]);
  rmSync(folder, { recursive: true });
  expect(done).toMatchObject({ code: 0 });
  const result = JSON.parse(done.stdout);
  expect(result).toMatchObject({
    nodes: 3,
    verified: true,
    replicas: [{ equal: true }, { equal: true }],
  });
  expect(result.transactions).toBe(1 + awkwardLines.length + result.live.records);
  expect(lastLine(done.stdout)).toBe(done.stdout.trimEnd());
});

test("demo ends its nodes and says so with its exit code when it is stopped", async () => {
  const before = demoProcesses();
  const child = Bun.spawn([...command, "demo"], {
    cwd: tmpdir(),
    stdout: "ignore",
    stderr: "pipe",
  });
  await child.stderr.getReader().read();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(130);
  expect(demoProcesses().filter((pid) => !before.includes(pid))).toEqual([]);
});

/** Pids of running nodes of any demo. Empty where there is no /proc. */
function demoProcesses(): string[] {
  if (!existsSync("/proc/self/cmdline")) return [];
  return readdirSync("/proc").filter((pid) => {
    const path = `/proc/${pid}/cmdline`;
    if (!/^\d+$/.test(pid) || !existsSync(path)) return false;
    return readFileSync(path, "utf8").includes("sorcha-peer-demo-");
  });
}
