import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PeerError } from "../../src/base/error.ts";
import { type Child, selfCommand, spawnChild } from "../../src/runtime/process.ts";

const source = new URL("../../src/runtime/process.ts", import.meta.url).pathname;

async function textOf(child: Child): Promise<string> {
  return new Response(child.output as ReadableStream).text();
}

/** False for one that has ended, even where nobody has asked for its exit code yet. */
function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

describe("spawnChild", () => {
  test("gives output, what went to stderr and the exit code", async () => {
    const child = spawnChild(["sh", "-c", "cat; echo $GREETING; echo bad >&2; exit 3"], {
      input: Buffer.from("in\n"),
      environment: { GREETING: "hello" },
    });
    expect(await textOf(child)).toBe("in\nhello\n");
    expect(await child.exited).toBe(3);
    expect(child.errorText()).toBe("bad\n");
  });

  test("hides variables, and adds others", async () => {
    const child = spawnChild(["sh", "-c", "echo $PATH $HOME $EXTRA"], {
      hidden: /^HOME$/,
      environment: { EXTRA: "more" },
    });
    expect(await textOf(child)).toBe(`${process.env.PATH} more\n`);
  });

  test("starts in the folder asked for and writes to the file asked for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-"));
    const outputFile = join(folder, "out.log");
    const child = spawnChild(["sh", "-c", "pwd; echo bad >&2"], { cwd: folder, outputFile });
    expect(await child.exited).toBe(0);
    expect(await Bun.file(outputFile).text()).toBe(`${folder}\nbad\n`);
    rmSync(folder, { recursive: true });
  });

  test("refuses a program that is not there", () => {
    expect(() => spawnChild(["/no/such/program"])).toThrow(PeerError);
  });

  test("stops a child that listens, and one that does not", async () => {
    const polite = spawnChild([
      "sh",
      "-c",
      "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done",
    ]);
    await firstChunk(polite);
    expect(await polite.stop(10_000)).toBe(0);
    const deaf = spawnChild(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"]);
    await firstChunk(deaf);
    expect(await deaf.stop(50)).toBe(137);
    expect(isAlive(deaf.pid)).toBe(false);
  });

  test("ends its children when this process fails", async () => {
    const script = `import { spawnChild } from ${JSON.stringify(source)};
      console.log(spawnChild(["sleep", "60"]).pid);
      throw new Error("on purpose");`;
    const parent = spawnChild([process.execPath, "-e", script]);
    const pid = Number(await textOf(parent));
    expect(await parent.exited).toBe(1);
    // It was sent the signal; under load it dies of it a moment after the parent.
    while (isAlive(pid)) await Bun.sleep(10);
  });
});

describe("onStop", () => {
  test("calls once for one Ctrl-C, however often it arrives, and ends at the next", async () => {
    const script = `import { onStop } from ${JSON.stringify(source)};
      onStop((signal) => console.log(signal));
      setInterval(() => {}, 1000);
      console.log("up");`;
    const child = spawnChild([process.execPath, "-e", script]);
    const output = child.output[Symbol.asyncIterator]();
    const next = async () => Buffer.from((await output.next()).value ?? []).toString();
    expect(await next()).toBe("up\n");
    process.kill(child.pid, "SIGTERM");
    expect(await next()).toBe("SIGTERM\n");
    process.kill(child.pid, "SIGTERM");
    process.kill(child.pid, "SIGINT");
    await Bun.sleep(1_100);
    expect(isAlive(child.pid)).toBe(true);
    process.kill(child.pid, "SIGINT");
    expect(await child.exited).toBe(130);
  });
});

describe("selfCommand", () => {
  test("starts with the running Bun and ends with the script", () => {
    const command = selfCommand();
    expect(command[0]).toBe(process.execPath);
    expect(command.at(-1)).toBe(process.argv[1] ?? "");
  });
});

async function firstChunk(child: Child): Promise<void> {
  for await (const _ of child.output) return;
}
