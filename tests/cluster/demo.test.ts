import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastLine, runProgram } from "../support/node.ts";
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
  const { command } = await import("../support/node.ts");
  const child = Bun.spawn([...command, "demo"], {
    cwd: tmpdir(),
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(130);
  const list = Bun.spawnSync(["ps", "-eo", "ppid,args"]).stdout.toString();
  expect(list).not.toContain(` ${child.pid} `);
});
