/** Real nodes that seal a register together, while they are killed and frozen. */
import { expect, test } from "bun:test";
import { onEachStore, type TestNode, until } from "../support/node.ts";

interface Submitted {
  transactionId: string;
}

onEachStore("Four validators, of whom three sign", (cluster) => {
  test("seal every record once, while one is killed and another is frozen", async () => {
    const validators = await startValidators();
    const [first, second, third, fourth] = validators as [TestNode, TestNode, TestNode, TestNode];
    const registerId = await found(validators, 3);
    const follower = await cluster.start("reader", { seeds: [first, third], environment });
    await follower.hears(registerId);
    await follower.subscribe(registerId, ["--wait"]);
    const doors = [first, third, follower];
    const token = new Map<TestNode, string>();
    for (const node of doors) token.set(node, lastOf(await node.ok(["token", "--service"])));
    const accepted: string[] = [];
    let isStopping = false;
    const load = Promise.all(
      doors.map(async (node, door) => {
        for (let number = 0; !isStopping; number += 1) {
          accepted.push(
            await submit(node, { registerId, token: token.get(node) ?? "" }, { door, number }),
          );
          await Bun.sleep(60);
        }
      }),
    );
    await grows(first, registerId, 3);
    await second.kill();
    await grows(first, registerId, 3);
    await second.start();
    await second.holds(registerId, (await first.register(registerId))?.headDocketNumber ?? 0);
    process.kill(fourth.pid, "SIGSTOP");
    await grows(first, registerId, 3);
    process.kill(fourth.pid, "SIGCONT");
    isStopping = true;
    await load;
    const all = [...validators, follower];
    for (const node of all) {
      await until(
        async () => (await node.register(registerId))?.transactionCount === accepted.length + 1,
        `${node.name} to hold ${accepted.length} records; log: ${node.logFile}`,
      );
    }
    const ends = await Promise.all(all.map((node) => node.register(registerId)));
    expect(new Set(ends.map((one) => one?.headDocketHash)).size).toBe(1);
    expect(new Set(accepted).size).toBe(accepted.length);
    for (const node of [second, fourth, follower]) {
      expect(JSON.parse(await node.ok(["verify", registerId, "--output", "json"]))).toMatchObject({
        isValid: true,
        verification: "sealed",
        transactions: accepted.length + 1,
      });
    }
    const { docket } = await first.get<{ docket: string }>(
      `/api/registers/${registerId}/dockets/1`,
    );
    expect(JSON.parse(docket).votes.length).toBe(2);
  }, 180_000);

  test("put one of them out; a follower without the past believes the policy chain alone", async () => {
    const validators = await startValidators();
    const [first, second, third, removed] = validators as [TestNode, TestNode, TestNode, TestNode];
    const registerId = await found(validators, 3);
    const keys = await Promise.all([first, second, third].map(keyOf));
    const words = ["--validator", ...keys.map((key) => key.validator), "--threshold", "2"];
    const policyOf = async (node: TestNode) =>
      (await node.get<{ policy: { version: number } }>(`/api/registers/${registerId}`)).policy;
    for (const node of [first, second]) await node.ok(["register", "policy", registerId, ...words]);
    await first.ok(["tx", "submit", registerId, '{"n":0}', "--wait"]);
    expect((await policyOf(first)).version).toBe(1);
    await third.ok(["register", "policy", registerId, ...words]);
    await until(async () => (await policyOf(removed)).version === 2, "the new policy");
    const after = (await removed.register(registerId))?.headDocketNumber ?? 0;
    for (let number = 1; number < 6; number += 1) {
      await removed.ok(["tx", "submit", registerId, `{"n":${number}}`, "--wait"]);
    }
    const rows = await first.get<{ docketNumber: number; proposerValidatorId: string }[]>(
      `/api/registers/${registerId}/dockets?from=${after + 1}`,
    );
    expect(rows.length).toBe(5);
    expect(new Set(rows.map((row) => row.proposerValidatorId))).not.toContain("v4");
    const { genesisHash } = (await first.register(registerId)) ?? {};
    const late = await cluster.start("late", { seeds: [first], environment });
    await late.hears(registerId);
    const mode = ["--mode", "forward-only", "--genesis-hash", genesisHash ?? "", "--wait"];
    await late.ok(["registers", "subscribe", registerId, ...mode]);
    await late.ok(["tx", "submit", registerId, '{"n":6}', "--wait"]);
    const held = await late.register(registerId);
    expect(held?.verification).toBe("sealed");
    expect(held?.firstDocketNumber).toBeGreaterThan(after);
  }, 180_000);

  /** Others are told the creator's key and address when they start; the creator knows nobody. */
  async function startValidators(): Promise<TestNode[]> {
    const creator = await cluster.start("v1", { environment });
    const { publicKey } = await keyOf(creator);
    const willing = { ...environment, PEER_SEAL_FOR: publicKey };
    const others = ["v2", "v3", "v4"].map((name) =>
      cluster.start(name, { seeds: [creator], environment: willing }),
    );
    return [creator, ...(await Promise.all(others))];
  }
});

async function found(nodes: TestNode[], threshold: number): Promise<string> {
  const [creator, ...others] = nodes as [TestNode, ...TestNode[]];
  const told = await Promise.all(others.map(async (node) => (await keyOf(node)).validator));
  const words = ["--validator", ...told, "--threshold", String(threshold), "--output", "json"];
  const created = await creator.ok(["register", "create", "--name", "shared", ...words]);
  return (JSON.parse(created) as { registerId: string }).registerId;
}

const environment = {
  PEER_SEAL_MS: "100",
  PEER_SEAL_ROUND_MS: "500",
  PEER_HEARTBEAT_MS: "1000",
  PEER_EXCHANGE_MS: "1000",
};

async function keyOf(node: TestNode): Promise<{ publicKey: string; validator: string }> {
  const shown = await node.cli(["keys", "show", "--data-dir", node.dataDir, "--output", "json"], {
    bare: true,
  });
  return JSON.parse(shown.stdout);
}

async function submit(
  node: TestNode,
  register: { registerId: string; token: string },
  data: object,
): Promise<string> {
  const { registerId, token } = register;
  const answer = await fetch(`${node.httpUrl}/api/registers/${registerId}/transactions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ data }),
  });
  if (answer.status !== 202) throw new Error(`${node.name} answers ${await answer.text()}`);
  return ((await answer.json()) as Submitted).transactionId;
}

async function grows(node: TestNode, registerId: string, dockets: number): Promise<void> {
  const before = (await node.register(registerId))?.headDocketNumber ?? 0;
  await node.holds(registerId, before + dockets);
}

function lastOf(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
