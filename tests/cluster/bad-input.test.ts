import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, type Done, lastLine, runProgram, type TestNode } from "../support/node.ts";

/** What goes wrong gets one clear sentence and the exit code that scripts can rely on. */
describe("The command line refuses", () => {
  const cluster = new Cluster("embedded", { keep: true });
  let node: TestNode;
  let registerId = "";

  beforeAll(async () => {
    node = await cluster.start("a");
    const output = await node.ok(["register", "create", "--name", "words", "--output", "json"]);
    registerId = JSON.parse(lastLine(output)).registerId;
  }, 60_000);

  test("a broken line by number and column, keeps what was before it and says how to go on", async () => {
    const good = Array.from({ length: 2_500 }, (_, index) => `{"n":${index}}`).join("\n");
    const file = await cluster.write("broken.ndjson", `${good}\n{"n":2500,}\n{"n":2501}\n`);
    const done = await node.cli(["import", file, "--name", "broken"]);
    expectRefusal(done, { code: 4, words: ["line 2501", "column 11"] });
    const importId = /--import-id (\S+?):? /.exec(done.stderr)?.[1] ?? "";
    const mended = `${good}\n{"n":2500}\n{"n":2501}\n`;
    await cluster.write("broken.ndjson", mended);
    const words = ["import", file, "--name", "broken", "--import-id", importId, "--output", "json"];
    const { registerId } = JSON.parse(lastLine(await node.ok(words)));
    expect(await node.ok(["export", registerId])).toBe(mended);
  });

  test("an empty file", async () => {
    const file = await cluster.write("empty.ndjson", "");
    expectRefusal(await node.cli(["import", file, "--name", "empty"]), { code: 4 });
  });

  test("a file that is not there", async () => {
    const file = join(cluster.folder, "missing.ndjson");
    expectRefusal(await node.cli(["import", file, "--name", "x"]), { code: 4, words: [file] });
  });

  test("a record of 20 MiB", async () => {
    const file = await cluster.write("large.ndjson", `"${"x".repeat(20 * 2 ** 20)}"\n`);
    expectRefusal(await node.cli(["import", file, "--name", "large"]), {
      code: 4,
      words: ["10 MiB"],
    });
  });

  test("an unknown register", async () => {
    const unknown = "0123456789abcdef0123456789abcdef";
    for (const words of [
      ["registers", "get", unknown],
      ["registers", "subscribe", unknown, "--mode", "full-replica"],
      ["registers", "unsubscribe", unknown],
      ["export", unknown],
      ["verify", unknown],
      ["dockets", unknown],
    ]) {
      expectRefusal(await node.cli(words), { code: 5 });
    }
  });

  test("a wrong token and no token", async () => {
    const where = ["--url", node.httpUrl];
    const file = await cluster.write("one.ndjson", "1\n");
    const words = ["import", file, "--register", registerId, ...where];
    expectRefusal(await runProgram([...words, "--token", "wrong"]), { code: 2 });
    expectRefusal(await runProgram(words), { code: 2 });
  });

  test("a node that is not there", async () => {
    const done = await runProgram(["registers", "list", "--url", "http://127.0.0.1:1"]);
    expectRefusal(done, { code: 7, words: ["127.0.0.1:1"] });
  });

  test("a command that it does not know, and an option that is missing", async () => {
    expect((await runProgram(["sing"])).code).toBe(4);
    expect((await node.cli(["import"])).code).toBe(4);
  });
});

describe("serve refuses", () => {
  const cluster = new Cluster("embedded");

  test("a port that is taken", async () => {
    const a = await cluster.start("a");
    const port = new URL(a.httpUrl).port;
    const grpcPort = a.grpcAddress.split(":").at(-1) as string;
    for (const [flag, taken] of [
      ["--http-port", port],
      ["--grpc-port", grpcPort],
    ] as const) {
      const { dataDir } = await cluster.make("b");
      const done = await serve(dataDir, [flag, taken]);
      expectRefusal(done, { code: 6, words: [taken] });
    }
  });

  test("a data directory that it cannot write, and one that is a file", async () => {
    const locked = join(cluster.folder, "locked");
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    const file = join(cluster.folder, "file");
    writeFileSync(file, "");
    if (process.getuid?.() !== 0) {
      expectRefusal(await serve(join(locked, "data")), { code: 6, words: [locked] });
    }
    expectRefusal(await serve(file), { code: 6, words: [file] });
    expectRefusal(await serve(join(file, "data")), { code: 6, words: [file] });
  });

  test("a data directory that another node has", async () => {
    const a = await cluster.start("a");
    expectRefusal(await serve(a.dataDir), { code: 6, words: [a.dataDir] });
  });

  test("a bad database URL, and a database that is not there", async () => {
    const bad = { PEER_DB_CONNECTION: "mysql://localhost/x" };
    const words = ["PEER_DB_CONNECTION"];
    expectRefusal(await serve(join(cluster.folder, "d1"), [], bad), { code: 6, words });
    const absent = { PEER_DB_CONNECTION: "postgres://postgres@127.0.0.1:1/postgres" };
    const done = await serve(join(cluster.folder, "d2"), [], absent);
    expect([6, 7]).toContain(done.code);
    expectRefusal(done, { code: done.code, words: ["127.0.0.1:1"] });
  });

  test("a setting out of its range", async () => {
    const done = await serve(join(cluster.folder, "d3"), [], { PEER_HEARTBEAT_MS: "5" });
    expectRefusal(done, { code: 6, words: ["heartbeatMs"] });
  });
});

function serve(
  dataDir: string,
  flags: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Done> {
  const ports = ["--http-port", "0", "--grpc-port", "0"];
  return runProgram(["serve", "--data-dir", dataDir, ...ports, ...flags], { environment });
}

/** One sentence for people on stderr, no stack, and the code. */
function expectRefusal(done: Done, expected: { code: number; words?: readonly string[] }): void {
  expect(done.stderr).toMatch(/^[A-Z][^\n]{10,}\n$/);
  for (const word of expected.words ?? []) {
    expect(done.stderr.toLowerCase()).toContain(word.toLowerCase());
  }
  expect(done).toMatchObject({ code: expected.code });
}
