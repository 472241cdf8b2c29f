import { expect, test } from "bun:test";
import { limits } from "../../src/runtime/limits.ts";
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

/** A register at a, which stands still; its follower b has accepted `count` records meanwhile. */
async function longQueue(cluster: Cluster, count: number) {
  const environment = { PEER_SEAL_MS: "50", PEER_SEAL_COUNT: "10" };
  const a = await cluster.start("a", { environment });
  // Bodies leave it so slowly that there is a middle of the draining to be killed in.
  const slow = { PEER_SEND_BYTES_PER_SECOND: "65536" };
  const b = await cluster.start("b", { seeds: [a], environment: slow });
  const created = await a.ok(["register", "create", "--name", "long", "--output", "json"]);
  const { registerId } = JSON.parse(created) as { registerId: string };
  await b.hears(registerId);
  await b.subscribe(registerId, ["--wait"]);
  process.kill(a.pid, "SIGSTOP");
  const submit = await submitterAt(b, registerId);
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) ids.push(await submit(number));
  return { a, b, registerId, ids };
}

const queuedAt = async (node: TestNode): Promise<number> =>
  (await node.get<{ metrics: { queueSize: number } }>("/api/health")).metrics.queueSize;

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

onEachStore("A record on its way", (cluster) => {
  test("is followed to its docket, by REST and by command; bad ones are refused", async () => {
    const { a, b, registerId } = await longQueue(cluster, 0);
    const file = await cluster.write("record.json", '{"from":"a file"}\n');
    const words = ["tx", "submit", registerId];
    const sent = JSON.parse(await b.ok([...words, file, "--output", "json"]));
    expect(sent.status).toBe("queued");
    const { transactionId } = sent as { transactionId: string };
    const status = async (node: TestNode) =>
      JSON.parse(await node.ok(["tx", registerId, transactionId, "--output", "json"]));
    const queued = await status(b);
    expect(queued).toMatchObject({ status: "queued", attempts: 0, lastError: null });
    expect(queued.message).toBe("Kept here until a docket holds it");
    const refusals: [string[], string][] = [
      [[...words, "{no json"], "The record is not JSON"],
      [[...words, "no-such-file.json"], "The record is not JSON"],
      [["tx", "submit", "0".repeat(32), "1"], `no register ${"0".repeat(32)}`],
      [["tx", registerId, "f".repeat(64)], "neither in the register here nor on its way"],
    ];
    for (const [given, sentence] of refusals) {
      const done = await b.cli(given);
      expect(done.code).not.toBe(0);
      expect(done.stderr).toContain(sentence);
    }
    const giant = JSON.stringify("x".repeat(limits.transactionBytes));
    const large = await b.cli([...words, "-"], { input: giant });
    expect([large.code === 0, large.stderr.includes("larger than 10 MiB")]).toEqual([false, true]);
    process.kill(a.pid, "SIGCONT");
    await until(async () => (await status(b)).docketNumber !== undefined, "its docket");
    expect((await status(b)).transaction).toContain('{\\"from\\":\\"a file\\"}');
    const sealed = `/api/registers/${registerId}/transactions/${transactionId}/status`;
    expect(await a.get<object>(sealed)).toMatchObject({ status: "sealed", docketNumber: 1 });
  }, 120_000);
});

onEachStore("A queue that drains once its validator is back (weaknesses 30, 33)", (cluster) => {
  test("loses nothing and doubles nothing, though both ends are killed in the middle", async () => {
    const count = 300;
    const { a, b, registerId, ids } = await longQueue(cluster, count);
    const reaches = (node: TestNode, transactions: number) =>
      until(
        async () => ((await node.register(registerId))?.transactionCount ?? 0) > transactions,
        `${node.name} to hold more than ${transactions}; log: ${node.logFile}`,
      );
    expect(await queuedAt(b)).toBe(count);
    process.kill(a.pid, "SIGCONT");
    await reaches(b, 20);
    process.kill(a.pid, "SIGSTOP");
    await b.kill();
    await b.start();
    const left = await queuedAt(b);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(count);
    process.kill(a.pid, "SIGCONT");
    await reaches(a, count - left + 20);
    await a.kill();
    await a.start();
    await holdsCount(b, registerId, count + 1);
    await until(async () => (await queuedAt(b)) === 0, "an empty queue");
    await holdsCount(a, registerId, count + 1);
    for (const node of [a, b]) {
      const lines = (await node.ok(["export", registerId])).trim().split("\n");
      const numbers = lines.map((line) => JSON.parse(line).number as number);
      expect(numbers.toSorted((left, right) => left - right)).toEqual(ids.map((_, at) => at));
    }
    expect(JSON.parse(await b.ok(["queue", "list", "--output", "json"]))).toMatchObject({
      waiting: 0,
      dead: 0,
    });
  }, 120_000);
});
