import { expect, test } from "bun:test";
import { findPrograms } from "../../scripts/test-database.ts";
import { seededDice } from "../../src/base/prng.ts";
import { type LogLine, onEachStore, sha256, type TestNode } from "../support/node.ts";
import { seedOfRun, unevenRecords } from "../support/records.ts";

/** How often a node is killed in each test; the nightly run asks for more. */
const killCount = Number(process.env.KILLS ?? 5);
/** A start takes up to a second, a catch-up another: the kill may fall into either. */
const longestLifeMs = 1_500;

/**
 * `kill -9` at random moments of starting, catching up, committing and sealing. Afterwards nothing
 * may be missing, nothing may be there twice, and no durable docket may have been asked for again.
 */
onEachStore("kill -9", (cluster) => {
  test("of a replica leaves it without gap or duplicate, and it goes on where it was", async () => {
    const seed = seedOfRun("kill the replica");
    const roll = seededDice(seed);
    const input = unevenRecords(10_000, seed);
    const a = await cluster.start("a");
    const { registerId } = await a.import(await cluster.write("kill-b.ndjson", input), "kill-b");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.subscribe(registerId);
    for (let kill = 0; kill < killCount; kill += 1) {
      await Bun.sleep(roll() * longestLifeMs);
      await b.kill();
      b.spawn();
    }
    await b.kill();
    await b.start();
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    expect(await b.exportHash(registerId)).toBe(sha256(input));
    await b.ok(["verify", registerId]);
    expectNeverBack(b.log());
  });

  test("of an origin loses nothing that it answered for, and doubles nothing", async () => {
    const seed = seedOfRun("kill the origin");
    const roll = seededDice(seed);
    const input = unevenRecords(10_000, seed);
    const file = await cluster.write("kill-a.ndjson", input);
    const a = await cluster.start("a");
    await a.ok(["register", "create", "--name", "kill-a"]);
    const b = await cluster.start("b", { seeds: [a] });
    let registerId = "";
    for (let kill = 0; kill < killCount; kill += 1) {
      const importing = a.cli(["import", file, "--name", "kill-a", "--output", "json"]);
      await Bun.sleep(roll() * longestLifeMs);
      await a.kill();
      await importing;
      await a.start();
    }
    registerId = (await a.import(file, "kill-a")).registerId;
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    for (const node of [a, b]) await expectExport(node, { registerId, input });
  });

  test("of the source in the middle of a catch-up only pauses it", async () => {
    const seed = seedOfRun("kill the source");
    const roll = seededDice(seed);
    const input = unevenRecords(10_000, seed);
    const a = await cluster.start("a");
    const { registerId } = await a.import(await cluster.write("kill-s.ndjson", input), "kill-s");
    const b = await cluster.start("b", { seeds: [a] });
    await b.hears(registerId);
    await b.subscribe(registerId);
    for (let kill = 0; kill < killCount; kill += 1) {
      await Bun.sleep(roll() * 300);
      await a.kill();
      await a.start();
    }
    await b.holds(registerId, (await a.register(registerId))?.headDocketNumber ?? -1);
    await expectExport(b, { registerId, input });
    expectNeverBack(b.log());
  });
});

/** The soak in small: every process of a small mesh in danger at once, its database included. */
test.each(["embedded", "postgres"])("a short soak on %s ends with equal copies", async (store) => {
  if (store === "postgres" && findPrograms() === null) return;
  const script = new URL("../../scripts/soak.ts", import.meta.url).pathname;
  const seed = seedOfRun(`the soak on ${store}`);
  const words = ["--kills", "4", "--seed", String(seed), "--store", store, "--json"];
  const child = Bun.spawn([process.execPath, "--no-orphans", script, ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  expect(JSON.parse(output)).toMatchObject({ store, seed, wrongs: [] });
  expect(code).toBe(0);
});

async function expectExport(
  node: TestNode,
  expected: { registerId: string; input: string },
): Promise<void> {
  const output = await node.ok(["export", expected.registerId]);
  expect(output.split("\n").length).toBe(expected.input.split("\n").length);
  expect(sha256(output)).toBe(sha256(expected.input));
}

/** The log says where each pull began; none begins before an earlier one. */
function expectNeverBack(log: readonly LogLine[]): void {
  const starts = log
    .filter((line) => line.msg === "Pulling from here on")
    .map((line) => line.nextDocket as number);
  expect(starts.length).toBeGreaterThan(0);
  expect(starts).toEqual(starts.toSorted((left, right) => left - right));
}
