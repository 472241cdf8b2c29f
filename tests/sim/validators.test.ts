/**
 * Seven validators of whom any four sign as a group seal records under load, while one is killed,
 * one lies and one is cut off, one after the other or all at once; then they hand the key on to
 * nine and go on. `SEED=…` repeats one run, `RUNS=100` makes so many.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { docketIn } from "../../src/sealing/proposal.ts";
import type { GroupEpoch } from "../../src/sealing/threshold/group-epoch.ts";
import { policyOfGroup } from "../../src/sealing/threshold/group-keys.ts";
import { type GroupNode, GroupWorld } from "./group-world.ts";
import { registerId, transactionOf } from "./sealing-world.ts";

const runs = Number(process.env.RUNS ?? 8);
const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: runs }, (_, at) => at + 1)
    : [Number(process.env.SEED)];
const first = { count: 7, threshold: 4 };
const nine = 9;

let epochs: GroupEpoch[] = [];
beforeAll(async () => {
  const world = new GroupWorld({ ...first, dice: seededDice(1), spares: 0, liars: 0 });
  world.world.faults = 0;
  await world.open([]);
  const [leader] = world.nodes as [GroupNode];
  const validators = world.nodes.map(({ id }) => ({ validatorId: id }));
  await leader.coordinator?.init(registerId, { threshold: first.threshold, validators });
  await world.world.clock.passUntil(
    until(world, () => world.nodes.every((node) => node.store.epochs[0]?.state === "certified")),
    { withinMs: 100_000 },
  );
  epochs = world.nodes.map((node) => node.store.epochs[0] as GroupEpoch);
}, 60_000);

describe("seven validators, four of whom sign, under load and every fault", () => {
  test.each(seeds)(
    "seed %d: one docket a number in all stores, every record once, then nine go on",
    async (seed) => {
      const dice = seededDice(seed * 6_151);
      const group = new GroupWorld({ ...first, dice, spares: 2, liars: 1 });
      await group.open(epochs);
      const { clock } = group.world;
      await clock.passUntil(scenario(group, { isAtOnce: seed % 2 === 0 }), { withinMs: 900_000 });
      expect(group.world.wrongs).toEqual([]);
      expectOneHistory(group);
      const blamed = honestOf(group).flatMap((node) => [...node.validator.blamed]);
      expect(blamed.filter((id) => id !== "v0")).toEqual([]);
    },
    300_000,
  );
});

async function scenario(group: GroupWorld, { isAtOnce }: { isAtOnce: boolean }): Promise<void> {
  const { world, nodes } = group;
  const { clock, dice } = world;
  for (const node of nodes.slice(0, first.count)) {
    node.agreeTo(policyOfGroup(world.policy, epochs[0] as GroupEpoch));
  }
  const load = new Load(group);
  void load.run();
  await load.sealed(3);
  await until(group, () => honestOf(group).every((one) => one.policy.version === 2));
  const [killed, cut] = twoOf(honestOf(group).slice(0, first.count - 1), dice);
  const troubles = [
    async () => {
      await clock.sleep(dice() * 1_500);
      await killed.crash();
      await clock.sleep(500 + dice() * 3_000);
      await killed.restart();
    },
    async () => {
      await clock.sleep(dice() * 1_500);
      world.groupOf = (id) => (id === cut.id ? 1 : 0);
      await clock.sleep(500 + dice() * 3_000);
      world.groupOf = () => 0;
    },
  ];
  if (isAtOnce) await Promise.all(troubles.map((trouble) => trouble()));
  else for (const trouble of troubles) await trouble();
  await load.sealed(3);
  load.everyMs = 3_000;
  await handOn(group);
  load.everyMs = 700;
  await load.sealed(3);
  load.stop();
  await until(group, () => load.isAllSealed());
}

/** An operator hands the key on to all nine, and again where that was in vain. */
async function handOn(group: GroupWorld): Promise<void> {
  const { clock, dice } = group.world;
  const honest = honestOf(group);
  const threshold = 5 + Math.floor(dice() * 2);
  const validators = group.nodes.map(({ id }) => ({ validatorId: id }));
  const [, leader, other] = honest as [GroupNode, GroupNode, GroupNode];
  const isDone = () => honest.every((node) => node.policy.validators.length === nine);
  for (let attempt = 0; !isDone(); attempt += 1) {
    expect(attempt).toBeLessThan(8);
    const by = attempt % 2 === 0 ? leader : other;
    await by.coordinator?.reshare(registerId, { threshold, validators }).catch(() => undefined);
    if (attempt === 0 && dice() < 0.5) {
      // One of them dies in the middle of it.
      const [victim] = honest.slice(-1) as [GroupNode];
      await clock.sleep(dice() * 400);
      await victim.crash();
      await clock.sleep(1_000);
      await victim.restart();
    }
    for (let turn = 0; turn < 90 && !isDone(); turn += 1) await clock.sleep(1_000);
  }
}

/** Records that keep coming, at three nodes each. */
class Load {
  readonly #ids: string[] = [];
  readonly #records: ReturnType<typeof transactionOf>[] = [];
  #isStopping = false;
  everyMs = 700;

  constructor(private readonly group: GroupWorld) {}

  async run(): Promise<void> {
    const { world, nodes } = this.group;
    for (let turn = 0; !this.isDone(); turn += 1) {
      if (!this.#isStopping) this.#submit(turn);
      for (const built of this.#records.slice(-40)) {
        const { transactionId } = built.transaction;
        for (const { validator } of nodes) {
          const isHeld = validator.sealedIds.has(transactionId);
          if (!isHeld && world.dice() < 0.5) validator.council?.add(built);
        }
      }
      // The liar's other copy has something else to propose.
      for (const twin of world.twins) {
        if (twin.council?.pool.size === 0) twin.council.add(transactionOf(1_000_000 + turn));
      }
      await world.clock.sleep(this.everyMs);
    }
  }

  #submit(turn: number): void {
    const built = transactionOf(turn);
    this.#records.push(built);
    this.#ids.push(built.transaction.transactionId);
  }

  stop(): void {
    this.#isStopping = true;
  }

  isDone(): boolean {
    return this.#isStopping && this.isAllSealed();
  }

  isAllSealed(): boolean {
    return honestOf(this.group).every(({ validator }) =>
      this.#ids.every((id) => validator.sealedIds.has(id)),
    );
  }

  /** Waits until honest nodes sealed so many more dockets. */
  async sealed(dockets: number): Promise<void> {
    const heights = () => honestOf(this.group).map(({ validator }) => validator.hashes.length);
    const goal = Math.max(...heights()) + dockets;
    await until(this.group, () => Math.max(...heights()) >= goal);
  }
}

function expectOneHistory({ world, nodes }: GroupWorld): void {
  const stores = [...world.nodes, ...world.twins];
  const longest = Math.max(...stores.map((node) => node.hashes.length));
  let groupSealed = 0;
  for (let number = 0; number < longest; number += 1) {
    const hashes = new Set(stores.map((node) => node.hashes[number]).filter(Boolean));
    expect(hashes.size).toBe(1);
    const signed = world.nodes.flatMap((node) => node.signedHashes.get(number) ?? []);
    expect(signed.filter((hash) => !hashes.has(hash))).toEqual([]);
    const bundle = world.nodes.map((node) => node.dockets[number]).find(Boolean);
    const docket = bundle === undefined ? null : docketIn(bundle);
    if (docket?.groupSignature !== undefined) groupSealed += 1;
  }
  expect(groupSealed).toBeGreaterThan(5);
  const keys = new Set(nodes.map((node) => node.policy.groupPublicKey));
  expect(keys.size).toBe(1);
}

function honestOf(group: GroupWorld): GroupNode[] {
  return group.nodes.filter((node) => !node.validator.isLiar);
}

function twoOf(nodes: readonly GroupNode[], dice: () => number): [GroupNode, GroupNode] {
  const at = Math.floor(dice() * nodes.length);
  const other = (at + 1 + Math.floor(dice() * (nodes.length - 1))) % nodes.length;
  return [nodes[at] as GroupNode, nodes[other] as GroupNode];
}

async function until({ world }: GroupWorld, isSo: () => boolean): Promise<void> {
  while (!isSo()) await world.clock.sleep(50);
}
