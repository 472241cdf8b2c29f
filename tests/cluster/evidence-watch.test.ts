import { expect, test } from "bun:test";
import { anchorAfter } from "../../src/dockets/join.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { startSource } from "../support/sources.ts";
import { TestChain } from "../support/test-chain.ts";

/**
 * What peers show beside what they serve: a hidden docket, a height that is none, two histories.
 */
const cluster = new Cluster("embedded");
const dockets = 40;
const transactions = 1;

test("A source that hides the news is left soon after another peer shows it", async () => {
  const registerId = "hidden-news";
  const node = await cluster.start("target");
  const make = (nodeId: string, fault: "honest" | "hide-news") =>
    startSource({ nodeId, fault, registerId, dockets, transactions, dial: node.grpcAddress });
  await make("hider", "hide-news");
  await node.hears(registerId);
  await node.subscribe(registerId);
  await node.holds(registerId, 30);
  await make("honest", "honest");
  await node.holds(registerId, dockets);
  const left = node.log().find((line) => line.code === "withholding");
  expect(left?.peerId).toBe("hider");
  expect(node.log().some((line) => line.msg === "A source is blamed for a lie")).toBe(false);
});

test("Two sealed dockets with one number stop the register, and the proof goes round", async () => {
  const registerId = "two-histories";
  const one = await cluster.start("one");
  const two = await cluster.start("two", { seeds: [one] });
  const make = (nodeId: string, fault: "honest" | "equivocate", dial: string) =>
    startSource({ nodeId, fault, registerId, dockets, transactions, dial });
  await make("left", "honest", one.grpcAddress);
  await one.hears(registerId);
  await one.subscribe(registerId);
  await one.holds(registerId, dockets);
  await two.hears(registerId);
  await two.subscribe(registerId);
  await two.holds(registerId, dockets);

  await make("right", "equivocate", one.grpcAddress);
  for (const node of [one, two]) {
    await until(
      async () => (await errorCodeOf(node, registerId)) === "equivocation",
      `${node.name} to stop the register; log: ${node.logFile}`,
    );
    const chain = new TestChain(registerId).sealMany(dockets, transactions);
    const held = await node.register(registerId);
    expect(held?.subscription?.syncState).toBe("Error");
    expect(held?.headDocketHash).toBe(anchorAfter(chain.check(dockets, dockets)).previousHash);
  }
  // The proof can be taken along and checked without a node.
  const list = await two.ok(["evidence", "list", registerId, "--output", "json"]);
  expect(JSON.parse(list)).toMatchObject([
    { docketNumber: dockets, sourcePeerId: expect.any(String) },
  ]);
  const proof = await two.ok(["evidence", "show", registerId, String(dockets)]);
  const file = await cluster.write("proof.json", proof);
  expect((await one.cli(["evidence", "verify", file], { bare: true })).code).toBe(0);
  const bent = await cluster.write(
    "bent.json",
    proof.replace('"docketNumber":4', '"docketNumber":3'),
  );
  expect((await one.cli(["evidence", "verify", bent], { bare: true })).code).not.toBe(0);
  expect(await one.ok(["registers", "why", registerId])).toContain("Two sealed dockets");

  // It stays so across a restart.
  await one.stop();
  await one.start();
  expect(await errorCodeOf(one, registerId)).toBe("equivocation");
});

async function errorCodeOf(node: TestNode, registerId: string): Promise<string | null> {
  return (await node.register(registerId))?.subscription?.errorCode ?? null;
}
