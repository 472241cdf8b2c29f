/** Real nodes whose group seals a register with one signature. */
import { expect, test } from "bun:test";
import { onEachStore, type TestNode, until } from "../support/node.ts";

const environment = {
  PEER_SEAL_MS: "100",
  PEER_SEAL_ROUND_MS: "1000",
  PEER_HEARTBEAT_MS: "1000",
  PEER_EXCHANGE_MS: "1000",
};
const names = ["v1", "v2", "v3", "v4"];

interface Held {
  policy: { version: number; threshold: number; groupPublicKey?: string };
}

onEachStore("A group of validators", (cluster) => {
  test("makes its key, seals with it, one of them dead or not, and hands it on", async () => {
    const creator = await cluster.start("v1", { environment });
    const willing = { ...environment, PEER_SEAL_FOR: (await keyOf(creator)).publicKey };
    const others = await Promise.all(
      names.slice(1).map((name) => {
        return cluster.start(name, { seeds: [creator], environment: willing });
      }),
    );
    const [, third, fourth] = others as [TestNode, TestNode, TestNode];
    const told = await Promise.all(others.map(async (node) => (await keyOf(node)).validator));
    const words = ["--validator", ...told, "--threshold", "3", "--output", "json"];
    const created = await creator.ok(["register", "create", "--name", "shared", ...words]);
    const { registerId } = JSON.parse(created) as { registerId: string };
    const policyAt = async (node: TestNode) =>
      (await node.get<Held>(`/api/registers/${registerId}`)).policy;
    const docketAt = async (node: TestNode, number: number) => {
      const path = `/api/registers/${registerId}/dockets/${number}`;
      return JSON.parse((await node.get<{ docket: string }>(path)).docket);
    };
    const seal = async (node: TestNode, data: object) => {
      const record = JSON.stringify(data);
      await node.ok(["tx", "submit", registerId, record, "--wait"]);
      return docketAt(node, (await node.register(registerId))?.headDocketNumber ?? 0);
    };
    const named = (some: string[]) => some.flatMap((name) => ["--validator", name]);
    for (const node of others) await node.holds(registerId, 0);
    expect((await seal(creator, { n: 0 })).groupSignature).toBeUndefined();

    await creator.ok(["threshold", "init", registerId, "--threshold", "3", ...named(names)]);
    for (const node of [creator, ...others]) {
      await until(async () => (await policyAt(node)).version === 2, `${node.name} to have a group`);
    }
    const { groupPublicKey } = await policyAt(third);
    const first = await seal(third, { n: 1 });
    expect(first.groupSignature).toBeString();
    expect(first.votes).toEqual([]);
    await fourth.kill();
    for (const n of [2, 3, 4]) expect((await seal(creator, { n })).groupSignature).toBeString();
    await fourth.start();

    const kept = names.slice(0, 3);
    await until(async () => {
      const answer = await creator.cli([
        "threshold",
        "reshare",
        registerId,
        "--threshold",
        "2",
        ...named(kept),
      ]);
      return answer.code === 0;
    }, "the key to be handed on");
    await until(async () => (await policyAt(third)).version === 3, "the smaller group");
    expect(await policyAt(third)).toMatchObject({ threshold: 2, groupPublicKey });
    const last = await seal(third, { n: 5 });
    expect(last.groupSignature).toBeString();
    for (const node of [creator, fourth]) {
      await node.holds(registerId, last.docketNumber);
      const verified = JSON.parse(await node.ok(["verify", registerId, "--output", "json"]));
      expect(verified).toMatchObject({ isValid: true, verification: "sealed" });
    }
  }, 240_000);

  test("is not made of nodes whose operators did not say with whom they seal", async () => {
    const creator = await cluster.start("alone", { environment });
    const other = await cluster.start("unasked", { seeds: [creator], environment });
    const created = await creator.ok(["register", "create", "--name", "own", "--output", "json"]);
    const { registerId } = JSON.parse(created) as { registerId: string };
    await other.hears(registerId);
    await other.subscribe(registerId, ["--wait"]);
    const words = ["--threshold", "2", "--validator", "alone", "--validator", "unasked"];
    const answer = await creator.cli(["threshold", "init", registerId, ...words]);
    expect(answer.code).not.toBe(0);
    expect(answer.stdout + answer.stderr).toContain("not-willing");
    await creator.ok(["tx", "submit", registerId, '{"n":1}', "--wait"]);
  }, 120_000);
});

async function keyOf(node: TestNode): Promise<{ publicKey: string; validator: string }> {
  const words = ["keys", "show", "--data-dir", node.dataDir, "--output", "json"];
  return JSON.parse((await node.cli(words, { bare: true })).stdout);
}
