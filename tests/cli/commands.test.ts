import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as rest from "../../src/rest/app.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { loadConfig } from "../../src/runtime/config.ts";
import { openSigningKey } from "../../src/trust/signing-key.ts";
import { MemoryNode, newSubscription } from "../rest/memory-node.ts";

/**
 * Each command as a process of its own, as an operator runs it, against a real listener in front of
 * a node that lives in memory and can be told to break.
 */
const main = new URL("../../src/main.ts", import.meta.url).pathname;
let folder = "";
let url = "";
let node = new MemoryNode(systemClock.nowMs);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sorcha-peer-cli-"));
  await openSigningKey({ dataDir: folder, production: false });
});
beforeEach(async () => {
  await rest.close();
  node = new MemoryNode(systemClock.nowMs);
  const { config } = loadConfig({});
  ({ url } = await rest.open({
    host: "127.0.0.1",
    port: 0,
    jwt: {
      key: await openSigningKey({ dataDir: folder, production: false }),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      clockSkewMs: config.jwtClockSkewMs,
    },
    source: node,
    nowMs: systemClock.nowMs,
    isProduction: true,
  }));
  writeFileSync(join(folder, "run.json"), JSON.stringify({ httpUrl: url }));
});
afterAll(async () => {
  await rest.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("import, export, verify", () => {
  const lines = Array.from({ length: 2_345 }, (_, index) =>
    index % 3 === 0 ? ` {"n":1234567890123456789${index % 10},"t":"żółć"}\r` : '{"same":true}',
  );
  const text = `${lines.join("\n")}\n`;

  test("what was imported comes out byte for byte and verifies, here and offline", async () => {
    const file = write("records.ndjson", text);
    const done = await cli(["import", file, "--name", "r", "--output", "json"]);
    const result = JSON.parse(done.stdout);
    expect(result).toMatchObject({ dockets: 25, transactions: 2_346, records: 2_345 });
    expect((await cli(["export", result.registerId])).stdout).toBe(text);
    const verified = await cli(["verify", result.registerId, "--output", "json"]);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      isValid: true,
      verification: "sealed",
      dockets: 25,
      genesisHash: result.genesisHash,
    });
    const dockets = (await cli(["export", result.registerId, "--format", "dockets"])).stdout;
    const offline = await cli(["verify", write("dockets.ndjson", dockets), "--output", "json"]);
    expect(offline.stdout).toBe(verified.stdout);
    const bent = write("bent.ndjson", dockets.replace(/same\\\\\\"/, 'sane\\\\\\"'));
    expect(await cli(["verify", bent])).toMatchObject({ code: 1, stdout: "" });
  });

  test("verify of a file names what is wrong in it, and holds it to the genesis that is known", async () => {
    const file = write("records.ndjson", text);
    const done = await cli(["import", file, "--name", "f", "--output", "json"]);
    const { registerId, genesisHash } = JSON.parse(done.stdout);
    const dockets = (await cli(["export", registerId, "--format", "dockets"])).stdout;
    const lines = dockets.trimEnd().split("\n");
    const held = write("dockets.ndjson", dockets);
    expect((await cli(["verify", held, "--genesis-hash", genesisHash])).code).toBe(0);
    const verdict = async (name: string, changed: string, flags: string[] = []) => {
      const { code, stdout, stderr } = await cli(["verify", write(name, changed), ...flags]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      return stderr.toLowerCase();
    };
    const joined = (some: string[]) => `${some.join("\n")}\n`;
    expect(await verdict("pinned", dockets, ["--genesis-hash", "0".repeat(64)])).toContain(
      "genesis",
    );
    expect(await verdict("gap", joined(lines.toSpliced(3, 1)))).toContain("docket 4");
    expect(await verdict("twice", joined(lines.toSpliced(3, 0, lines[3] ?? "")))).toContain(
      "docket 3",
    );
    const swapped = lines.toSpliced(3, 2, lines[4] ?? "", lines[3] ?? "");
    expect(await verdict("swapped", joined(swapped))).toContain("docket 4");
    const flipped = (lines[5] ?? "").replace(/same\\\\\\"/, 'sane\\\\\\"');
    expect(flipped).not.toBe(lines[5]);
    expect(await verdict("flipped", joined(lines.with(5, flipped)))).toContain("docket 5");
    expect((await cli(["verify", write("cut", dockets.slice(0, -200))])).code).not.toBe(0);
    expect((await cli(["verify", write("junk", "not a docket\n")])).code).not.toBe(0);
    expect((await cli(["verify", write("empty", "")])).code).not.toBe(0);
  });

  test("an import that broke off goes on where it was and doubles nothing", async () => {
    const file = write("records.ndjson", text);
    node.beforeImport = () => {
      if (node.importCalls === 2) throw new Error("the node broke");
    };
    const broken = await cli(["import", file, "--name", "r"]);
    expect(broken).toMatchObject({ code: 1, stdout: "" });
    expect(broken.stderr).toContain("1,000 records are sealed; to go on, run this again");
    const again = JSON.parse(
      (await cli(["import", file, "--name", "r", "--output", "json"])).stdout,
    );
    expect(again).toMatchObject({ records: 2_345, accepted: 1_345, alreadyPresent: 1_000 });
    expect((await cli(["export", again.registerId])).stdout).toBe(text);
  });

  test("standard input: a fault is named, and the import id given takes it up", async () => {
    const broken = await cli(["import", "-", "--name", "r"], { input: '{"a":1}\n\n{"b":tru}\n' });
    expect(broken).toMatchObject({ code: 4 });
    expect(broken.stderr).toContain("Line 3, column 6 is not JSON");
    const id = /--import-id (\S+) /.exec(broken.stderr)?.[1]?.replace(/:$/, "") ?? "";
    const words = ["import", "-", "--name", "r", "--import-id", id, "--output", "json"];
    const again = await cli(words, { input: '{"a":1}\n\n{"b":true}\n' });
    expect(JSON.parse(again.stdout)).toMatchObject({ accepted: 1, alreadyPresent: 1 });
  });

  test("nothing to import makes no register", async () => {
    expect(await cli(["import", write("empty", ""), "--name", "r"])).toMatchObject({ code: 4 });
    expect(await cli(["import", write("bad", "{"), "--name", "r"])).toMatchObject({ code: 4 });
    expect(node.registers.size).toBe(0);
  });

  test("a failure while standard input says nothing ends at once", async () => {
    const child = spawn(["import", "-", "--name", "r", "--url", "http://127.0.0.1:1"], "pipe");
    const stdin = child.stdin as Bun.FileSink;
    stdin.write(Array.from({ length: 1_500 }, (_, index) => `${index}\n`).join(""));
    await stdin.flush();
    expect(await child.exited).toBe(7);
  });

  test("Ctrl-C while standard input says nothing ends at once and says what is safe", async () => {
    const child = spawn(["import", "-", "--name", "r", "--data-dir", folder], "pipe");
    const stdin = child.stdin as Bun.FileSink;
    const many = Array.from({ length: 1_500 }, (_, index) => `${index}\n`).join("");
    stdin.write(many);
    await stdin.flush();
    while (node.importCalls < 2) await systemClock.sleep(20);
    child.kill("SIGINT");
    const stderr = await new Response(child.stderr as ReadableStream).text();
    expect(await child.exited).toBe(130);
    expect(stderr).toContain("1,500 records are sealed; to go on, run this again with --import-id");
  });
});

describe("export into a reader that stands still", () => {
  test("ends at Ctrl-C and says that it is not all", async () => {
    const line = JSON.stringify({ filler: "x".repeat(400) });
    const file = write("long.ndjson", `${line}\n`.repeat(5_000));
    const imported = await cli(["import", file, "--name", "long", "--output", "json"]);
    const { registerId } = JSON.parse(imported.stdout);
    const fifo = join(folder, "fifo");
    expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
    // Its own end of the pipe stays open, so that it is a reader that says nothing and not none.
    const words = [process.execPath, main, "export", registerId, "--data-dir", folder];
    const child = Bun.spawn(["sh", "-c", `exec 3<>${fifo}; exec "$@" >&3`, "sh", ...words], {
      stdin: "ignore",
      stderr: "pipe",
    });
    const reader = await open(fifo, "r");
    expect((await reader.read(Buffer.alloc(100))).bytesRead).toBe(100);
    child.kill("SIGINT");
    const stderr = await new Response(child.stderr).text();
    expect(await child.exited).toBe(130);
    expect(stderr).toContain("written so far are verified, but not all");
    await reader.close();
  });
});

describe("who asks and whom", () => {
  test("the token that is minted lets its bearer in, a user's not everywhere", async () => {
    const service = await cli(["token", "--service"]);
    const user = await cli(["token"]);
    const create = ["register", "create", "--name", "x", "--url", url, "--token"];
    expect((await run([...create, service.stdout.trim()])).code).toBe(0);
    expect((await run([...create, user.stdout.trim()])).code).toBe(3);
    expect((await run([...create, "nonsense"])).code).toBe(2);
    expect(statSync(join(folder, "jwt.key")).mode & 0o777).toBe(0o600);
  });

  test("a data directory's key is not sent to an address that was named without it", async () => {
    const done = await run(["register", "create", "--name", "x", "--url", url]);
    expect(done).toMatchObject({ code: 2, stderr: "This needs a bearer token\n" });
  });
});

describe("output", () => {
  test("lists come as table, array, lines or CSV; remarks stay off stdout", async () => {
    await node.createRegister({ name: "one" });
    await node.createRegister({ name: "two, too" });
    const list = (format: string) => cli(["registers", "list", "--output", format]);
    expect((await list("table")).stdout).toContain("Register ID");
    expect(JSON.parse((await list("json")).stdout)).toHaveLength(2);
    expect(
      (await list("ndjson")).stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).height),
    ).toEqual([1, 1]);
    expect((await list("csv")).stdout).toContain('"two, too"');
    expect(await cli(["peers", "list"])).toMatchObject({
      stdout: "",
      stderr: "No peer is known yet\n",
    });
  });

  test("one thing: members of members have names of their own, and CSV has plain numbers", async () => {
    const { registerId } = await node.createRegister({ name: "one" });
    const get = async (format: string) =>
      (await cli(["registers", "get", registerId, "--output", format])).stdout;
    const [names = "", values = ""] = (await get("csv")).split("\n");
    const at = (name: string) => values.split(",")[names.split(",").indexOf(name)];
    expect([at("policy.version"), at("pausedAt")]).toEqual(["1", ""]);
    expect(Number(at("bytes"))).toBeGreaterThan(999);
    expect(await get("table")).toMatch(/^policy\.threshold +1$/m);
  });

  test("what strangers wrote commands no terminal", async () => {
    const { registerId } = await node.createRegister({ name: "red\u001b[31m\n\u202eback" });
    const words = [["list"], ["get", registerId], ["watch", registerId, "--count", "0"]];
    for (const one of words) {
      const { stdout, stderr } = await cli(["registers", ...one]);
      expect(stdout + stderr).toContain("red\\u001b[31m\\u000a\\u202eback");
      expect(stdout + stderr).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    }
  });

  test("health ends with 0 and 1, and says what is not there", async () => {
    expect(await cli(["health"])).toMatchObject({ code: 0 });
    node.isReady = false;
    const bad = await cli(["health"]);
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringMatching(/^status +not-ready$/m) });
    expect(await run(["health", "--url", "http://127.0.0.1:1"])).toMatchObject({ code: 7 });
  });

  test("a transaction's proof holds without a node, and by a program of nobody's", async () => {
    const { registerId, genesisHash } = await node.createRegister({ name: "proven" });
    const ids: string[] = [];
    for (const dataText of ["1", '"żółć"']) {
      ids.push((await node.submit({ registerId, dataText })).transactionId);
    }
    const proven = await cli(["tx", "get", registerId, ids[1] ?? "", "--proof"]);
    const file = write("proof.json", proven.stdout);
    const verified = await run(["verify", file, "--genesis-hash", genesisHash, "--output", "json"]);
    expect([verified.code, verified.stderr]).toEqual([0, ""]);
    const found = JSON.parse(verified.stdout);
    expect(found).toMatchObject({ isValid: true, docketNumber: 2, transactionId: ids[1] });
    const other = await run(["verify", file, "--genesis-hash", "ab".repeat(32)]);
    expect([other.code, other.stderr]).toEqual([
      4,
      expect.stringMatching(/^The proof is not true/),
    ]);

    const bent = write("bent.json", proven.stdout.replace("żółć", "żółw"));
    expect((await run(["verify", bent])).code).toBe(4);
    // The document's own program, where there is a Python to run it.
    if (Bun.which("python3") === null) return;
    const docs = await Bun.file(new URL("../../docs/security.md", import.meta.url)).text();
    const script = write("verify.py", /```python\n([\s\S]*?)```/.exec(docs)?.[1] ?? "");
    const python = (path: string) => Bun.spawnSync(["python3", script, path]);
    expect(python(file).stdout.toString()).toBe(`docket 2 ${found.docketHash}\n`);
    expect(python(bent).exitCode).toBe(1);
  });

  test("subscribe waits until everything is there, also the second time", async () => {
    const registerId = "0123456789abcdef0123456789abcdef";
    const status = newSubscription({ registerId, mode: "FullReplica" });
    node.available = [{ ...availableRow, registerId }];
    node.subscriptions = [status];
    const words = [
      "registers",
      "subscribe",
      registerId,
      "--mode",
      "full-replica",
      "--output",
      "json",
    ];
    expect((await cli(words)).code).toBe(1);
    const waiting = cli([...words, "--wait"]);
    await systemClock.sleep(300);
    node.subscriptions = [{ ...status, syncState: "FullyReplicated", syncProgressPercent: 100 }];
    expect(JSON.parse((await waiting).stdout)).toMatchObject({ syncState: "FullyReplicated" });
  });

  test("settings are shown with where they come from, secrets masked", async () => {
    const environment = {
      PEER_SEAL_MS: "77",
      PEER_JWT_SIGNING_KEY: "a secret of thirty-two bytes or so",
    };
    const done = await run(["config", "show", "--output", "json", "--http-port", "1"], {
      environment,
    });
    const rows: { key: string; value: unknown; source: string }[] = JSON.parse(done.stdout);
    const of = (key: string) => rows.find((row) => row.key === key);
    expect(of("sealMs")).toMatchObject({ value: 77, source: "environment" });
    expect(of("httpPort")).toMatchObject({ value: 1, source: "flag" });
    expect(of("jwtSigningKey")).toMatchObject({ value: "***" });
    expect(done.stdout).not.toContain("a secret");
  });
});

const availableRow = {
  name: null,
  description: null,
  peerCount: 1,
  latestVersion: 1,
  latestDocketVersion: 0,
  isPublic: true,
  fullReplicaPeerCount: 1,
  genesisHash: null,
};

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function cli(words: string[], options: { input?: string } = {}) {
  return run([...words, "--data-dir", folder], options);
}

async function run(
  words: string[],
  options: { input?: string; environment?: Record<string, string> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const input = options.input === undefined ? "ignore" : Buffer.from(options.input);
  const child = spawn(words, input, options.environment);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout as ReadableStream).text(),
    new Response(child.stderr as ReadableStream).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

function spawn(
  words: string[],
  stdin: "pipe" | "ignore" | Uint8Array,
  environment: Record<string, string> = {},
) {
  return Bun.spawn([process.execPath, main, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdin,
    stdout: "pipe",
    stderr: "pipe",
  });
}
