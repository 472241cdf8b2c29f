import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256, until } from "../support/node.ts";

/**
 * The compiled binary as a person drives it: from a folder without anything else, with an
 * environment that has no other program in it, through a terminal and through pipes.
 */
const build = new URL("../../scripts/build.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-binary-"));
const binary = join(folder, "sorcha-peer");
const environment = { PATH: "/nonexistent" };
const records = Array.from({ length: 20_000 }, (_, n) => `{"n":${n},"text":"${"x".repeat(80)}"}`);
const text = `${records.join("\n")}\n`;
const nodes: Bun.Subprocess[] = [];
let registerId = "";

beforeAll(async () => {
  const built = Bun.spawnSync([process.execPath, build, binary]);
  if (!built.success) throw new Error(`${built.stderr}`);
  await Bun.write(join(folder, "records.ndjson"), text);
  await Bun.write(join(folder, "small.ndjson"), '{"a":1}\n');
  await serve("a", []);
});
afterAll(() => {
  for (const node of nodes) node.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("Ctrl-C on a terminal", () => {
  test("in an import: says what is safe; again, and each record is there once", async () => {
    const words = ["import", "records.ndjson", "--name", "typed", "--data-dir", "a"];
    const broken = await typed(words, /Importing.*[1-9],000 records/);
    expect(broken.code).toBe(130);
    expect(broken.screen).toMatch(/: \d+,000 records are sealed; to go on, run this again/);
    const again = piped([...words, "--output", "json"]);
    const result = JSON.parse(again.stdout);
    registerId = result.registerId;
    expect(result).toMatchObject({ records: 20_000, transactions: 20_001 });
    expect(result.alreadyPresent).toBeGreaterThan(0);
    expect(sha256(piped(["export", registerId, "--data-dir", "a"]).stdout)).toBe(sha256(text));
  });

  test("in an export: says that it is not all, and whole lines are out", async () => {
    const words = ["export", registerId, "--data-dir", "a"];
    const broken = await typed(words, /"n":0,/);
    expect(broken.code).toBe(130);
    expect(broken.screen).toMatch(/Interrupted: the [\d,]+ records written so far are verified/);
    expect(broken.screen).toContain("run this again for the whole");
    // The terminal itself echoes the key, wherever the output just is.
    const shown = broken.screen.replaceAll("^C", "");
    const lines = shown.split(/\r?\n/).filter((line) => line.startsWith('{"n":'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(records.length);
    // At Ctrl-C the terminal lets go of what it has not shown yet: one line may be cut by that.
    const places = lines.map((line) => records.indexOf(line)).filter((place) => place >= 0);
    expect(lines.length - places.length).toBeLessThanOrEqual(1);
    expect(places).toEqual([...places].sort((left, right) => left - right));
    expect(lines.at(-1)).toBe(records[places.at(-1) ?? 0] ?? "");
  });

  test("in subscribe --wait: the node goes on; asked again, it is waited for", async () => {
    const { grpcAddress } = JSON.parse(readFileSync(join(folder, "a/run.json"), "utf8"));
    await serve("b", ["--seed", grpcAddress]);
    const available = ["registers", "available", "--data-dir", "b", "--output", "json"];
    await until(async () => piped(available).stdout.includes(registerId), "b to hear of it");
    const words = ["registers", "subscribe", registerId, "--mode", "full-replica", "--wait"];
    const broken = await typed([...words, "--data-dir", "b"], /Replicating/);
    expect(broken.code).toBe(130);
    expect(broken.screen).toContain("Interrupted: the node goes on replicating");
    const again = piped([...words, "--data-dir", "b", "--output", "json"]);
    expect(again.stderr).toContain("Already subscribed: waiting for it");
    expect(JSON.parse(again.stdout)).toMatchObject({ lastSyncedTransactionVersion: 20_001 });
    expect(sha256(piped(["export", registerId, "--data-dir", "b"]).stdout)).toBe(sha256(text));
  });
});

describe("pipes", () => {
  const mark = "\u001b";

  test("carry neither colour nor bars, and remarks stay off stdout", () => {
    const lists = [["registers", "list"], ["topology"], ["registers", "list", "--output", "csv"]];
    for (const words of lists) {
      const { code, stdout, stderr } = piped([...words, "--data-dir", "a"]);
      expect([code, stdout.includes(mark), stderr.includes(mark)]).toEqual([0, false, false]);
    }
    const done = piped(["import", "small.ndjson", "--name", "small", "--data-dir", "a"]);
    expect([done.code, (done.stdout + done.stderr).includes(mark)]).toEqual([0, false]);
  });

  test("say what kind of trouble it was by the exit code", () => {
    const cases: [number, string[]][] = [
      [0, ["--version"]],
      [2, ["register", "create", "--name", "x", "--url", urlOf("a")]],
      [2, ["register", "create", "--name", "x", "--url", urlOf("a"), "--token", "nonsense"]],
      [4, ["registers", "list", "--no-such-option"]],
      [4, ["import", "missing.ndjson", "--name", "x", "--data-dir", "a"]],
      [5, ["registers", "get", "nothing", "--data-dir", "a"]],
      [6, ["serve", "--data-dir", "a"]],
      [6, ["serve", "--data-dir", "c", "--http-port", new URL(urlOf("a")).port]],
      [7, ["registers", "list", "--url", "http://127.0.0.1:1"]],
    ];
    for (const [code, words] of cases) expect([words, piped(words).code]).toEqual([words, code]);
    // A port that is taken is told before a database is made.
    expect(existsSync(join(folder, "c/pgdata"))).toBe(false);
    const user = piped(["token", "--data-dir", "a", "-q"]).stdout.trim();
    const create = ["register", "create", "--name", "x", "--url", urlOf("a"), "--token", user];
    expect(piped(create).code).toBe(3);
  });
});

function urlOf(name: string): string {
  return JSON.parse(readFileSync(join(folder, name, "run.json"), "utf8")).httpUrl;
}

async function serve(name: string, flags: string[]): Promise<void> {
  const dataDir = join(folder, name);
  mkdirSync(dataDir, { mode: 0o700 });
  const words = ["serve", "--data-dir", name, "--node-id", name];
  const ports = ["--http-port", "0", "--grpc-port", "0"];
  const node = Bun.spawn([binary, ...words, ...ports, ...flags], {
    cwd: folder,
    env: environment,
    stdin: "ignore",
    stdout: Bun.file(join(folder, `${name}.log`)),
    stderr: "inherit",
  });
  nodes.push(node);
  await until(async () => {
    if (node.exitCode !== null) throw new Error(`${name} ended with ${node.exitCode}`);
    return existsSync(join(dataDir, "run.json")) && (await fetch(`${urlOf(name)}/readyz`)).ok;
  }, `${name} to serve`);
}

/** Through a terminal, with Ctrl-C once the screen shows what is waited for. */
async function typed(words: string[], when: RegExp): Promise<{ code: number; screen: string }> {
  let screen = "";
  let isPressed = false;
  const child = Bun.spawn([binary, ...words], {
    cwd: folder,
    env: { ...environment, TERM: "xterm" },
    terminal: {
      cols: 120,
      rows: 40,
      data: (terminal, bytes) => {
        screen += new TextDecoder().decode(bytes);
        if (isPressed || !when.test(screen)) return;
        isPressed = true;
        terminal.write("\u0003");
      },
    },
  });
  const code = await child.exited;
  child.terminal?.close();
  if (!isPressed) throw new Error(`It ended with ${code} before Ctrl-C: ${screen.slice(-500)}`);
  return { code, screen };
}

/** With pipes in place of a terminal. */
function piped(words: string[]): { code: number; stdout: string; stderr: string } {
  const done = Bun.spawnSync([binary, ...words], { cwd: folder, env: environment });
  return { code: done.exitCode, stdout: `${done.stdout}`, stderr: `${done.stderr}` };
}
