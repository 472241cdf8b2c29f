import { expect, test } from "bun:test";
import { type Cluster, onEachStore, type TestNode, until } from "../support/node.ts";

/** Register at a, followed by b and c; records are submitted at c, which seals nothing. */
async function threeNodes(cluster: Cluster) {
  const a = await cluster.start("a", { environment: { PEER_SEAL_MS: "50" } });
  const b = await cluster.start("b", { seeds: [a] });
  const c = await cluster.start("c", { seeds: [a] });
  const created = await a.ok(["register", "create", "--name", "pending", "--output", "json"]);
  const { registerId } = JSON.parse(created) as { registerId: string };
  for (const node of [b, c]) {
    await node.hears(registerId);
    await node.subscribe(registerId, ["--wait"]);
  }
  return { a, b, c, registerId };
}

async function submitterAt(node: TestNode, registerId: string) {
  const token = (await node.ok(["token", "--service"])).trim().split("\n").at(-1);
  return async (number: number): Promise<string> => {
    const answer = await fetch(`${node.httpUrl}/api/registers/${registerId}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ data: { number } }),
    });
    expect(answer.status).toBe(202);
    return ((await answer.json()) as { transactionId: string }).transactionId;
  };
}

const holdsCount = (node: TestNode, registerId: string, count: number) =>
  until(
    async () => (await node.register(registerId))?.transactionCount === count,
    `${node.name} to hold ${count} transactions; log: ${node.logFile}`,
  );

onEachStore("A transaction submitted at a follower (weaknesses 28 to 30)", (cluster) => {
  test("is sealed by the validator and comes back, to everybody", async () => {
    const { a, b, c, registerId } = await threeNodes(cluster);
    const submit = await submitterAt(c, registerId);
    const id = await submit(1);
    for (const node of [a, b, c]) {
      await holdsCount(node, registerId, 2);
      await node.get(`/api/registers/${registerId}/transactions/${id}`);
    }
  });

  test("is lost neither with its node offline nor with it killed, and comes once", async () => {
    const { a, b, c, registerId } = await threeNodes(cluster);
    await a.stop();
    await b.stop();
    const submit = await submitterAt(c, registerId);
    const ids: string[] = [];
    for (let number = 0; number < 20; number += 1) ids.push(await submit(number));
    await c.kill();
    await a.start();
    await c.start();
    await holdsCount(a, registerId, 21);
    await c.kill();
    await c.start();
    await holdsCount(c, registerId, 21);
    await b.start();
    for (const id of ids) await c.get(`/api/registers/${registerId}/transactions/${id}`);
    const exported = await a.ok(["export", registerId]);
    const numbers = exported
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).number as number);
    expect(numbers.toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: 20 }, (_, index) => index),
    );
  });
});
