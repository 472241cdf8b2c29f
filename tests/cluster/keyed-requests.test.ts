import { expect, test } from "bun:test";
import postgres from "postgres";
import { onEachStore, type TestNode, until } from "../support/node.ts";

/** Requests with an `Idempotency-Key`, a kill right after the answer, and the same ones again. */
onEachStore("A request with an Idempotency-Key", (cluster) => {
  const environment = { PEER_SEAL_MS: "60000" };

  test("gets its first answer again after a kill, and nothing is made twice", async () => {
    const node = await cluster.start("a", { environment });
    const before = await sendAll(node);
    await node.kill();
    await node.start();
    const after = await sendAll(node);
    expect(after.bodies).toEqual(before.bodies);
    expect(after.isReplayed).toEqual([true, true, true]);
    expect(before.isReplayed).toEqual([false, false, false]);
    await holdsOneOfEach(node);
  });

  test.skipIf(cluster.kind === "embedded")(
    "makes nothing twice when the kill came before the answer was kept",
    async () => {
      const node = await cluster.start("b", { environment });
      const before = await sendAll(node);
      await node.kill();
      await forgetAnswers(node);
      await node.start();
      const after = await sendAll(node);
      expect(after.isReplayed).toEqual([false, false, false]);
      expect(after.bodies).toEqual(before.bodies);
      await holdsOneOfEach(node);
      // What was sealed meanwhile is found as well.
      await node.kill();
      await forgetAnswers(node);
      await node.start();
      expect((await sendAll(node)).bodies).toEqual(before.bodies);
      await holdsOneOfEach(node);
    },
  );
});

/** Makes a register, submits a record to it and follows another register, each with a key. */
async function sendAll(node: TestNode) {
  const token = (await node.ok(["token", "--service"])).trim().split("\n").at(-1);
  const bodies: Record<string, unknown>[] = [];
  const isReplayed: boolean[] = [];
  const send = async (path: string, body: object) => {
    const answer = await fetch(node.httpUrl + path, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "idempotency-key": "the-same" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    isReplayed.push(answer.headers.get("idempotency-replayed") === "true");
    bodies.push((await answer.json()) as Record<string, unknown>);
  };
  await send("/api/registers", { name: "keyed" });
  await send(`/api/registers/${bodies[0]?.registerId}/transactions`, { data: { n: 1 } });
  const elsewhere = `/api/registers/${"e".repeat(32)}/subscribe`;
  await send(elsewhere, { mode: "full-replica", genesisHash: "0".repeat(64) });
  bodies[2] = { registerId: bodies[2]?.registerId, mode: bodies[2]?.mode };
  return { bodies, isReplayed };
}

async function holdsOneOfEach(node: TestNode): Promise<void> {
  // Seals what waits without the long wait: at the orderly stop.
  await node.stop();
  await node.start();
  const registers = await node.get<{ transactionCount: number }[]>("/api/registers");
  expect(registers).toMatchObject([{ transactionCount: 2 }]);
  await until(async () => {
    return (await node.get<unknown[]>("/api/registers/subscriptions")).length === 1;
  }, "the subscription");
}

async function forgetAnswers(node: TestNode): Promise<void> {
  if (node.database === null) throw new Error("only on PostgreSQL");
  const sql = postgres(node.database.url, { max: 1 });
  await sql`UPDATE ${sql(node.database.schema)}.keyed_answers SET answer = NULL`;
  await sql.end();
}
