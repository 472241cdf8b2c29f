/** Sealing by several under every fault at once; `SEED=…` repeats one run. */
import { describe, expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { makeWorld, transactionOf, type World } from "./sealing-world.ts";

const seeds =
  process.env.SEED === undefined
    ? Array.from({ length: 100 }, (_, index) => index + 1)
    : [Number(process.env.SEED)];

const shapes = [
  { count: 4, threshold: 3, liars: 1 },
  { count: 3, threshold: 2, liars: 0 },
  { count: 7, threshold: 5, liars: 1 },
  { count: 7, threshold: 4, liars: 0 },
];

describe("validators over a bad net, with crashes, partitions and a liar", () => {
  test.each(seeds)(
    "seed %d: one docket a number, every record once, and no standstill",
    async (seed) => {
      const shape = shapes[seed % shapes.length] as (typeof shapes)[number];
      const dice = seededDice(seed * 7_919);
      const world = makeWorld({ dice, ...shape });
      await run(world);
      const honest = world.nodes.filter((node) => !node.isLiar);
      const longest = Math.max(...world.nodes.map((node) => node.hashes.length));
      for (let number = 0; number < longest; number += 1) {
        const hashes = world.nodes.map((node) => node.hashes[number]).filter(Boolean);
        expect(new Set(hashes).size).toBe(1);
        const signed = honest.map((node) => node.signedHashes.get(number)).filter(Boolean);
        expect(signed.filter((hash) => hash !== hashes[0])).toEqual([]);
      }
    },
    60_000,
  );
});

const recordCount = 24;

async function run(world: World): Promise<void> {
  const { clock, dice, nodes } = world;
  const honest = nodes.filter((node) => !node.isLiar);
  const records = Array.from({ length: recordCount }, (_, index) => transactionOf(index));
  const ids = records.map((one) => one.transaction.transactionId);
  const everywhere = () => honest.every((node) => ids.every((id) => node.sealedIds.has(id)));
  const submitting = (async () => {
    for (let turn = 0; !everywhere(); turn += 1) {
      const upTo = Math.min(recordCount, 2 + turn * 2);
      for (const built of records.slice(0, upTo)) {
        for (const node of honest) {
          const isHeld = node.sealedIds.has(built.transaction.transactionId);
          if (!isHeld && dice() < 0.7) node.council?.add(built);
        }
      }
      await clock.sleep(300);
    }
  })();
  const troubles = (async () => {
    for (let turn = 0; turn < 12; turn += 1) {
      await clock.sleep(200 + dice() * 400);
      const victim = honest[Math.floor(dice() * honest.length)];
      if (dice() < 0.5 && victim !== undefined) {
        await victim.crash();
        await clock.sleep(dice() * 600);
        victim.start();
      } else {
        const salt = Math.floor(dice() * 8);
        world.groupOf = (id) => (id.charCodeAt(1) >> (salt % 3)) & 1;
        await clock.sleep(dice() * 900);
        world.groupOf = () => 0;
      }
    }
    world.faults = 0.2;
  })();
  await clock.passUntil(Promise.all([submitting, troubles]), { withinMs: 400_000 });
  await Promise.all(nodes.map((node) => node.crash()));
}
