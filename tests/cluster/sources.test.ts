import { expect, test } from "bun:test";
import { anchorAfter } from "../../src/dockets/join.ts";
import { Cluster, until } from "../support/node.ts";
import { startSource } from "../support/sources.ts";
import { TestChain } from "../support/test-chain.ts";

/** One node, several sources of the same register at once, some of which are no good. */
const cluster = new Cluster("embedded");
const dockets = 2_000;
const transactions = 1;

test("A catch-up takes from every honest source, whatever a liar and a frozen one do", async () => {
  const registerId = "many-sources";
  const chain = new TestChain(registerId).sealMany(dockets, transactions);
  const node = await cluster.start("target", { environment: { PEER_PULL_TIMEOUT_MS: "5000" } });
  const make = (nodeId: string, fault: "honest" | "wrong-docket-key" | "hang-halfway") =>
    startSource({
      nodeId,
      fault,
      registerId,
      dockets,
      transactions,
      frameMs: 10,
      dial: node.grpcAddress,
    });
  const honest = await Promise.all(["a", "b", "c"].map((nodeId) => make(nodeId, "honest")));
  const liar = await make("liar", "wrong-docket-key");
  const frozen = await make("frozen", "hang-halfway");
  await until(async () => {
    const peers = await node.get<{ peerId: string; isConnected: boolean }[]>("/api/peers");
    return peers.filter((peer) => peer.isConnected).length >= 5;
  }, "the node to know its five sources");
  await node.subscribe(registerId);
  await node.holds(registerId, dockets);

  const head = anchorAfter(chain.check(dockets, dockets));
  expect(await node.register(registerId)).toMatchObject({
    height: dockets + 1,
    headDocketHash: head.previousHash,
  });
  for (const source of honest) expect(countOf(source.calls, "pullRange")).toBeGreaterThan(1);
  const blamed = node.log().filter((line) => line.msg === "A source is blamed for a lie");
  for (const line of blamed) expect(line.peerId).toBe(liar.nodeId);

  // What comes now is followed live.
  for (const source of honest) source.seal(3);
  await node.holds(registerId, dockets + 3);
  await Promise.all([...honest, liar, frozen].map((source) => source.kill()));
});

function countOf(calls: readonly { call: string }[], name: string): number {
  return calls.filter(({ call }) => call === name).length;
}
