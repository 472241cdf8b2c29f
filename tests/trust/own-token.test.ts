import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OwnToken } from "../../src/trust/own-token.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { errorOf } from "../support/error-of.ts";

const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-token-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "peer.token");
const clock = new SimClock();
const problems: unknown[] = [];
const log = { debug() {}, info() {}, warn() {}, error: (facts: object) => problems.push(facts) };
const tokens = { mint: async () => "minted" };
const options = { nodeId: "node-b", file, tokens, clock, log };

/** Reading a file takes real time, between which the simulated time goes on. */
async function turns(isOver: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !isOver(); turn += 1) {
    await clock.pass(2_001);
    await Bun.sleep(1);
  }
}

test("peerTokenFile is shown, read again when replaced, and kept when it is spoilt (weakness 16)", async () => {
  writeFileSync(file, "first.token.a\n", { mode: 0o600 });
  const own = await OwnToken.open(options);
  expect(own.current()).toBe("first.token.a");
  writeFileSync(file, "second.token.b\n");
  await turns(() => own.current() === "second.token.b");
  expect(own.current()).toBe("second.token.b");
  writeFileSync(file, "not a token\n");
  await turns(() => problems.length > 0);
  expect(own.current()).toBe("second.token.b");
  expect(JSON.stringify(problems[0])).toContain("holds no token to show to peers");
  await own.close();
});

test("a peerTokenFile that is missing or holds no token ends the start with a sentence", async () => {
  const missing = await errorOf(OwnToken.open({ ...options, file: join(folder, "none") }));
  expect(missing).toMatchObject({ kind: "configuration", code: "no-peer-token" });
});
