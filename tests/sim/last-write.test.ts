/** A validator that dies after a write, before it says anything of it, says nothing else later. */
import { expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { makeWorld, transactionOf, type Validator } from "./sealing-world.ts";

const recordCount = 12;
const writesMost = 12;

test("killed after any write, it comes back and says the same, and all is sealed", async () => {
  for (let write = 1; write <= writesMost; write += 1) {
    const world = makeWorld({ dice: seededDice(write * 104_729), count: 4, threshold: 3 });
    const { clock, dice, nodes } = world;
    const victim = nodes[write % nodes.length] as Validator;
    let writes = 0;
    victim.afterWrite = () => {
      writes += 1;
      if (writes % write !== 0 || writes > 3 * write) return;
      // From this very moment nothing of it gets out.
      victim.isSilentTo = () => true;
      void comeBack(victim);
    };
    const records = Array.from({ length: recordCount }, (_, at) => transactionOf(at));
    const ids = records.map((one) => one.transaction.transactionId);
    const isWhole = () => nodes.every((node) => ids.every((id) => node.sealedIds.has(id)));
    const run = async () => {
      for (let turn = 1; !isWhole(); turn += 1) {
        for (const built of records.slice(0, turn * 2)) {
          for (const node of nodes) if (dice() < 0.6) node.council?.add(built);
          for (const node of nodes) node.catchUp();
        }
        await clock.sleep(250);
      }
    };
    await clock.passUntil(run(), { withinMs: 300_000 });
    expect([write, world.wrongs, writes >= write]).toEqual([write, [], true]);
    const histories = new Set(nodes.map((node) => node.hashes.slice(0, 3).join()));
    expect([write, histories.size]).toEqual([write, 1]);
    await Promise.all(nodes.map((node) => node.crash()));
  }

  async function comeBack(victim: Validator): Promise<void> {
    await victim.crash();
    await victim.world.clock.sleep(victim.world.dice() * 800);
    victim.isSilentTo = () => false;
    victim.start();
  }
}, 120_000);
