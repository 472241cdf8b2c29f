import { expect, test } from "bun:test";
import { onEachStore, type TestNode, until } from "../support/node.ts";

/** Submits records one by one and kills the node right after the last answer. */
onEachStore("A submitted transaction", (cluster) => {
  test("that was answered with 202 is sealed after a kill, exactly once", async () => {
    const node = await cluster.start("a", { environment: { PEER_SEAL_MS: "60000" } });
    const created = await node.ok(["register", "create", "--name", "queue", "--output", "json"]);
    const { registerId } = JSON.parse(created) as { registerId: string };
    const token = (await node.ok(["token", "--service"])).trim().split("\n").at(-1);
    const accepted: string[] = [];
    for (let number = 0; number < 5; number += 1) {
      const answer = await fetch(`${node.httpUrl}/api/registers/${registerId}/transactions`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ data: { number } }),
      });
      expect(answer.status).toBe(202);
      accepted.push(((await answer.json()) as { transactionId: string }).transactionId);
    }
    await node.kill();
    const again = await restarted(node);
    await until(
      async () => (await again.register(registerId))?.transactionCount === 6,
      "the queue",
    );
    for (const transactionId of accepted) {
      await again.get(`/api/registers/${registerId}/transactions/${transactionId}`);
    }
    expect(await again.ok(["export", registerId])).toBe(
      [0, 1, 2, 3, 4].map((number) => `{"number":${number}}\n`).join(""),
    );
  });
});

async function restarted(node: TestNode): Promise<TestNode> {
  await node.start();
  // Seals what waits without the long wait of the first start: at the orderly stop.
  await node.stop();
  await node.start();
  return node;
}
