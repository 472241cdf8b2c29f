import { expect, test } from "bun:test";
import type { SubscriptionJson } from "../../src/rest/schemas.ts";
import { onEachStore, until } from "../support/node.ts";
import { startSource } from "../support/sources.ts";

const dockets = 1_500;
const registerId = "newest-first";

onEachStore("newest first", (cluster) => {
  test("a long register is served from its head at once, and whole in the end, whoever lies and dies", async () => {
    const node = await cluster.start("target", {
      environment: { PEER_HISTORY_ORDER: "newest-first" },
    });
    const make = (nodeId: string, fault: "honest" | "wrong-docket-key") =>
      startSource({
        nodeId,
        fault,
        registerId,
        dockets,
        transactions: 1,
        frameMs: 15,
        dial: node.grpcAddress,
      });
    const honest = await make("honest", "honest");
    await node.hears(registerId);
    await node.subscribe(registerId);
    await node.holds(registerId, dockets);

    // The head is here, its past is not, and the node says so.
    const early = await node.register(registerId);
    expect(early?.firstDocketNumber).toBeGreaterThan(0);
    expect(early?.subscription).toMatchObject({ syncState: "Syncing" });
    const path = `${node.httpUrl}/api/registers/${registerId}`;
    expect((await fetch(`${path}/dockets/${dockets}`)).status).toBe(200);
    expect((await fetch(`${path}/dockets/1`)).status).toBe(404);
    expect((await fetch(`${path}/pages?from=0`)).status).toBe(409);
    honest.seal(3);
    await node.holds(registerId, dockets + 3);

    // Killed in the middle it goes on where it was.
    await until(
      async () => ((await node.register(registerId))?.firstDocketNumber ?? dockets) < dockets - 200,
      "some of the past to be here",
    );
    await node.kill();
    await node.start();
    const again = await node.register(registerId);
    expect(again?.firstDocketNumber).toBeGreaterThan(0);
    expect(again?.firstDocketNumber).toBeLessThan(dockets - 200);
    honest.dial(node.grpcAddress);
    const liar = await make("liar", "wrong-docket-key");

    await until(async () => {
      const [subscription] = await node.get<SubscriptionJson[]>("/api/registers/subscriptions");
      return subscription?.syncState === "FullyReplicated";
    }, "the whole register to be here");
    expect(await node.register(registerId)).toMatchObject({
      firstDocketNumber: 0,
      height: dockets + 4,
      transactionCount: dockets + 4,
      latestVersion: dockets + 4,
    });
    const verified = JSON.parse(await node.ok(["verify", registerId, "--output", "json"]));
    expect(verified).toMatchObject({ verification: "sealed", dockets: dockets + 4 });
    expect((await node.cli(["audit", registerId])).code).toBe(0);
    const blamed = node.log().filter((line) => line.msg === "A source is blamed for a lie");
    for (const line of blamed) expect(line.peerId).toBe(liar.nodeId);
    await Promise.all([honest.kill(), liar.kill()]);
  });
});
