/**
 * Seven real validators of whom four sign as a group seal records under load, while one lies all
 * the time, one is killed and one is cut off; then they hand the key on to nine and go on.
 * `RUNS=10` makes ten runs with seeds of their own, `SEED=…` repeats one.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { Partition } from "../support/partition.ts";

const runs = Number(process.env.RUNS ?? 1);
const firstSeed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
const names = Array.from({ length: 9 }, (_, at) => `v${at + 1}`);
const liarProgram = new URL("../support/lying-validator.ts", import.meta.url).pathname;
const environment = {
  PEER_SEAL_MS: "300",
  PEER_SEAL_ROUND_MS: "1500",
  PEER_HEARTBEAT_MS: "1000",
  PEER_EXCHANGE_MS: "1000",
  PEER_WORKERS: "0",
  PEER_DB_POOL_SIZE: "4",
};
const store = process.env.TEST_DATABASE_URL === "" ? "embedded" : "postgres";

describe(`Seven validators, four of whom sign (${store})`, () => {
  const cluster = new Cluster(store);
  let net = new Partition();
  afterEach(() => net.close());

  for (let run = 0; run < runs; run += 1) {
    const seed = firstSeed + run;
    test(`seal through a kill, a liar and a partition, and hand on to nine, SEED=${seed}`, async () => {
      net = new Partition();
      const dice = seededDice(seed);
      const nodes = await startAll(seed);
      const honest = nodes.filter((node) => node.name !== "v2");
      const registerId = await found(nodes);
      const load = new Load(registerId, [honest[0]!, honest[1]!, honest[7]!]);
      await load.begin();
      try {
        await threshold(honest[0]!, ["init", registerId, "--threshold", "4"], names.slice(0, 7));
        await hasPolicy(honest, registerId, { version: 2, validators: 7 });
        const { groupPublicKey } = await policyOf(honest[0]!, registerId);
        await grows(honest[0]!, registerId, 3);
        await trouble(honest, registerId, { dice, isAtOnce: seed % 2 === 0 });
        await grows(honest[0]!, registerId, 3);
        await handOn(honest, registerId);
        expect(await policyOf(honest[6]!, registerId)).toMatchObject({
          threshold: 5,
          groupPublicKey,
        });
        await grows(honest[7]!, registerId, 3);
      } finally {
        await load.end();
      }
      await expectOneHistory(nodes, { registerId, records: load.accepted });
      await expectBelieverOfPolicies(honest[0]!, registerId);
    }, 600_000);
  }

  /** Each behind a door of its own; all know the first. The second lies. */
  async function startAll(seed: number): Promise<TestNode[]> {
    const doors = new Map(
      await Promise.all(names.map(async (name) => [name, await net.door(name)] as const)),
    );
    const start = async (name: string, sealFor: Record<string, string>) => {
      const door = doors.get(name)!;
      const first = doors.get("v1")!.address;
      const seeds = name === "v1" ? [] : ["--seed", first];
      const lies = name === "v2" ? { program: liarProgram } : {};
      const node = await cluster.make(name, {
        flags: ["--advertise", door.address, ...seeds],
        environment: { ...environment, ...sealFor, LIES_SEED: String(seed) },
        ...lies,
      });
      door.pid = () => node.pid;
      await node.start();
      door.target = node.grpcAddress;
      return node;
    };
    const creator = await start("v1", {});
    const sealFor = { PEER_SEAL_FOR: (await keyOf(creator)).publicKey };
    const others: TestNode[] = [];
    for (const name of names.slice(1)) others.push(await start(name, sealFor));
    return [creator, ...others];
  }

  /** A node that comes late and takes no past believes the group by the policy chain alone. */
  async function expectBelieverOfPolicies(at: TestNode, registerId: string): Promise<void> {
    const seeds = [at];
    const late = await cluster.start("late", { seeds, environment });
    await late.hears(registerId);
    const { genesisHash, headDocketNumber } = (await at.register(registerId))!;
    const mode = ["--mode", "forward-only", "--genesis-hash", genesisHash, "--wait"];
    await late.ok(["registers", "subscribe", registerId, ...mode]);
    await late.ok(["tx", "submit", registerId, '{"late":true}', "--wait"]);
    const held = await late.register(registerId);
    expect(held).toMatchObject({ verification: "sealed" });
    expect(held?.firstDocketNumber).toBeGreaterThanOrEqual(headDocketNumber);
    const path = `/api/registers/${registerId}/dockets/${held?.headDocketNumber}`;
    const { docket } = await late.get<{ docket: string }>(path);
    expect(JSON.parse(docket).groupSignature).toBeString();
  }

  async function trouble(
    honest: readonly TestNode[],
    registerId: string,
    { dice, isAtOnce }: { dice: () => number; isAtOnce: boolean },
  ): Promise<void> {
    const [, killed, cut] = honest as [TestNode, TestNode, TestNode];
    const kill = async () => {
      await Bun.sleep(dice() * 1_000);
      await killed.kill();
      await Bun.sleep(1_000 + dice() * 2_000);
      await killed.start();
    };
    const part = async () => {
      await Bun.sleep(dice() * 1_000);
      net.cut(cut.name);
      await Bun.sleep(1_500 + dice() * 3_000);
      net.mend(cut.name);
    };
    if (isAtOnce) await Promise.all([kill(), part()]);
    else for (const one of [kill, part]) await one().then(() => grows(honest[0]!, registerId, 2));
  }
});

/** The others hold the register before they make a key. */
async function found(nodes: readonly TestNode[]): Promise<string> {
  const [creator, ...others] = nodes as [TestNode, ...TestNode[]];
  const told = await Promise.all(
    others.slice(0, 6).map(async (node) => (await keyOf(node)).validator),
  );
  const words = ["--validator", ...told, "--threshold", "4", "--output", "json"];
  const created = await creator.ok(["register", "create", "--name", "shared", ...words]);
  const { registerId } = JSON.parse(created) as { registerId: string };
  for (const node of others.slice(6)) {
    await node.hears(registerId);
    await node.subscribe(registerId);
  }
  for (const node of others) await node.holds(registerId, 0);
  return registerId;
}

/** The key goes to nine; begun again by another where a session broke off. */
async function handOn(honest: readonly TestNode[], registerId: string): Promise<void> {
  const isDone = async () => (await policyOf(honest[0]!, registerId)).validators.length === 9;
  for (let attempt = 0; !(await isDone()); attempt += 1) {
    if (attempt === 5) throw new Error("The key could not be handed on");
    const by = honest[attempt % 2]!;
    await threshold(by, ["reshare", registerId, "--threshold", "5"], names);
    for (let turn = 0; turn < 400 && !(await isDone()); turn += 1) await Bun.sleep(100);
  }
  await hasPolicy(honest, registerId, { version: 3, validators: 9 });
}

/** Until it is begun: another session may be running still. */
async function threshold(node: TestNode, words: string[], members: readonly string[]) {
  const named = members.flatMap((name) => ["--validator", name]);
  await until(async () => {
    const answer = await node.cli(["threshold", ...words, ...named]);
    return answer.code === 0;
  }, `${node.name} to begin threshold ${words[0]}`);
}

class Load {
  readonly accepted: string[] = [];
  #isEnding = false;
  #running: Promise<void>[] = [];

  constructor(
    private readonly registerId: string,
    private readonly nodes: readonly TestNode[],
  ) {}

  async begin(): Promise<void> {
    const tokens = await Promise.all(this.nodes.map((node) => node.ok(["token", "--service"])));
    this.#running = this.nodes.map((node, at) => this.#submit(node, lastOf(tokens[at] ?? "")));
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#running);
  }

  /** Who is killed or starting takes none; what was not acknowledged is not counted. */
  async #submit(node: TestNode, token: string): Promise<void> {
    for (let number = 0; !this.#isEnding; number += 1) {
      const path = `${node.httpUrl}/api/registers/${this.registerId}/transactions`;
      const answer = await fetch(path, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ data: { by: node.name, number } }),
      }).catch(() => null);
      if (answer?.status === 202) {
        this.accepted.push(((await answer.json()) as { transactionId: string }).transactionId);
      }
      await Bun.sleep(400);
    }
  }
}

/** All nine stores hold the same dockets, each sealed, and each record once. */
async function expectOneHistory(
  nodes: readonly TestNode[],
  { registerId, records }: { registerId: string; records: readonly string[] },
): Promise<void> {
  const heads = async () => {
    const all = await Promise.all(nodes.map((node) => node.register(registerId)));
    return new Set(all.map((one) => one?.headDocketHash));
  };
  // A genesis and two policies beside the records; one cut off by a kill may be there as well.
  const count = async () => (await nodes[0]?.register(registerId))?.transactionCount ?? 0;
  await until(async () => (await count()) >= records.length + 3, "every record to be sealed");
  await until(async () => (await heads()).size === 1, "all nine to hold the same head");
  const histories = await Promise.all(nodes.map((node) => historyOf(node, registerId)));
  for (const history of histories) expect(history).toEqual(histories[0] as string[]);
  expect(histories[0]?.length).toBeGreaterThan(10);
  for (const node of nodes) {
    const verified = JSON.parse(await node.ok(["verify", registerId, "--output", "json"]));
    expect(verified).toMatchObject({ isValid: true, verification: "sealed" });
  }
  const exported = await nodes[8]!.ok(["export", registerId]);
  const lines = exported.trim().split("\n");
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.length).toBeGreaterThanOrEqual(records.length);
  expect(new Set(records).size).toBe(records.length);
}

async function historyOf(node: TestNode, registerId: string): Promise<string[]> {
  const hashes: string[] = [];
  for (;;) {
    const path = `/api/registers/${registerId}/dockets?from=${hashes.length}&limit=100`;
    const rows = await node.get<{ docketHash: string }[]>(path);
    hashes.push(...rows.map((row) => row.docketHash));
    if (rows.length < 100) return hashes;
  }
}

interface HeldPolicy {
  version: number;
  threshold: number;
  validators: unknown[];
  groupPublicKey?: string;
}

async function policyOf(node: TestNode, registerId: string): Promise<HeldPolicy> {
  return (await node.get<{ policy: HeldPolicy }>(`/api/registers/${registerId}`)).policy;
}

async function hasPolicy(
  nodes: readonly TestNode[],
  registerId: string,
  wanted: { version: number; validators: number },
): Promise<void> {
  for (const node of nodes) {
    await until(async () => {
      const { version, validators } = await policyOf(node, registerId);
      return version === wanted.version && validators.length === wanted.validators;
    }, `${node.name} to have policy ${wanted.version}; log: ${node.logFile}`);
  }
}

async function grows(node: TestNode, registerId: string, dockets: number): Promise<void> {
  const before = (await node.register(registerId))?.headDocketNumber ?? 0;
  const has = async () => ((await node.register(registerId))?.headDocketNumber ?? 0) - before;
  // On busy cores rounds are given up again and again: it is to go on, not to be fast.
  for (let turn = 0; turn < 2_400 && (await has()) < dockets; turn += 1) await Bun.sleep(100);
  expect([node.name, (await has()) >= dockets]).toEqual([node.name, true]);
}

async function keyOf(node: TestNode): Promise<{ publicKey: string; validator: string }> {
  const words = ["keys", "show", "--data-dir", node.dataDir, "--output", "json"];
  return JSON.parse((await node.cli(words, { bare: true })).stdout);
}

function lastOf(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
