import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as rest from "../../src/rest/app.ts";
import { newSubscription } from "../rest/memory-node.ts";
import { newPeerView } from "../rest/memory-peer-desk.ts";
import { Rest } from "../rest/rest-of.ts";
import { runProgram } from "../support/node.ts";

let api: Rest;
let folder = "";
let token = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sorcha-peer-operating-"));
  api = await Rest.open();
  token = await api.mint();
});
afterAll(async () => {
  await rest.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("--profile", () => {
  test("names a node and its token; the command line goes before it", async () => {
    const file = join(folder, "profiles.json");
    writeFileSync(join(folder, "token"), `${token}\n`);
    const desk = { url: api.url, tokenFile: join(folder, "token") };
    writeFileSync(file, JSON.stringify({ desk, gone: { url: "http://127.0.0.1:1" } }));
    const environment = { PEER_PROFILES: file };
    const create = ["register", "create", "--name", "r", "--profile"];
    const done = await runProgram([...create, "desk"], { environment });
    expect(done).toMatchObject({ code: 0 });
    expect((await runProgram([...create, "gone"], { environment })).code).toBe(7);
    const url = [...create, "gone", "--url", api.url, "--token", token];
    expect((await runProgram(url, { environment })).code).toBe(0);
    const unknown = await runProgram([...create, "other"], { environment });
    expect(unknown).toMatchObject({ code: 6 });
    expect(unknown.stderr).toContain("known: desk, gone");
  });
});

describe("--yes", () => {
  test("is asked for before something is destroyed where nobody can answer", async () => {
    api.node.subscriptions = [newSubscription({ registerId: "x", mode: "FullReplica" })];
    const words = ["registers", "purge", "x", "--url", api.url, "--token", token];
    const refused = await runProgram(words);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toContain("say --yes");
    expect(api.node.subscriptions).toHaveLength(1);
    expect((await runProgram([...words, "--yes"])).code).toBe(0);
    expect(api.node.subscriptions).toHaveLength(0);
  });
});

describe("registers watch", () => {
  test("writes a line for every docket as it comes, and ends when told to", async () => {
    const { registerId } = await api.node.createRegister({ name: "watched" });
    const words = ["registers", "watch", registerId, "--url", api.url, "--count", "2"];
    const watching = runProgram([...words, "--output", "ndjson", "-q"]);
    const head = { registerId, atMs: 1, docketHash: "a".repeat(64), transactionCount: 1 };
    let docketNumber = 0;
    const telling = setInterval(() => {
      docketNumber += 1;
      api.node.tell({ ...head, firstDocketNumber: docketNumber, docketNumber });
    }, 100);
    const { code, stdout } = await watching;
    clearInterval(telling);
    const lines = stdout.trim().split("\n");
    const [first, second] = lines.map((line) => JSON.parse(line).docketNumber as number);
    expect([code, lines.length]).toEqual([0, 2]);
    expect(second).toBe((first ?? 0) + 1);
  });
});

describe("topology", () => {
  test("draws a tree for people and gives rows and the whole to programs", async () => {
    api.node.peers = [newPeerView("desk-2", { isConnected: true })];
    const words = ["topology", "--url", api.url];
    const tree = (await runProgram(words)).stdout;
    expect(tree).toMatch(/^memory {2}127\.0\.0\.1:5001, this node$/m);
    expect(tree).toMatch(/^└─ desk-2 .*connected/m);
    expect((await runProgram([...words, "--output", "csv"])).stdout.split("\n")).toHaveLength(4);
    const whole = JSON.parse((await runProgram([...words, "--output", "json"])).stdout);
    expect(whole.links).toMatchObject([{ from: "memory", to: "desk-2" }]);
  });
});

describe("completion", () => {
  test("bash offers the commands and options that may follow", async () => {
    const { stdout } = await runProgram(["completion", "bash"]);
    writeFileSync(join(folder, "complete.bash"), stdout);
    const offered = (...words: string[]) => {
      const script =
        `source ${join(folder, "complete.bash")}; COMP_WORDS=(sorcha-peer ${words.join(" ")} "");` +
        `COMP_CWORD=${words.length + 1}; _sorcha_peer; echo "\${COMPREPLY[*]}"`;
      return Bun.spawnSync(["bash", "-c", script]).stdout.toString().trim().split(" ");
    };
    expect(offered()).toContain("registers");
    expect(offered("registers")).toEqual(expect.arrayContaining(["list", "watch", "--help"]));
    expect(offered("registers", "subscribe")).toContain("--genesis-hash");
  });

  test("zsh and fish get scripts of their own", async () => {
    expect((await runProgram(["completion", "zsh"])).stdout).toStartWith("autoload");
    const fish = (await runProgram(["completion", "fish"])).stdout;
    expect(fish).toContain(
      "complete -c sorcha-peer -n '__sorcha_peer_at \"registers\"' -f -a list",
    );
    expect((await runProgram(["completion", "tcsh"])).code).toBe(4);
  });
});
