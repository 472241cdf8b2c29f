import { expect, test } from "bun:test";
import { anchorAfter } from "../../src/dockets/join.ts";
import type { Anchor } from "../../src/dockets/types.ts";
import type { Source } from "../../src/peers/adverts.ts";
import { RegisterLoop } from "../../src/replication/register-loop.ts";
import { supervise } from "../../src/replication/rescue.ts";
import { Subscription } from "../../src/replication/subscription.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../support/sim-clock.ts";
import { TestChain } from "../support/test-chain.ts";

/** A loop with a source that gives a docket every nine seconds and never says that it is done. */
function loopOverSlowSource(chain: TestChain) {
  const clock = new SimClock();
  const pulls: { nextNumber: number; signal: AbortSignal }[] = [];
  const told: string[] = [];
  let anchor: Anchor = chain.anchorBefore(0);
  const quiet = () => {};
  const loop = new RegisterLoop({
    subscription: new Subscription(chain.registerId, "FullReplica"),
    genesisHash: null,
    sources: () => [sourceOf(chain.registerId)],
    anchor: () => anchor,
    pull: async function* (_source, cursor) {
      pulls.push(cursor);
      for (let number = cursor.nextNumber; ; number++) {
        await clock.sleep(9_000, cursor.signal);
        yield {
          registerId: chain.registerId,
          bytes: chain.frame(number, number),
          nextNumber: number,
          docketCount: 1,
          sourceHeadNumber: 1_000_000,
          sourcePeerId: "a",
        };
      }
    },
    pullRange: async function* () {},
    start: () => Promise.reject(new Error("not asked for")),
    check: async (page) => ({ ok: true, value: chain.check(page.nextNumber, page.nextNumber) }),
    commit: async (pages) => {
      for (const page of pages) anchor = anchorAfter(page);
      const { registerId, nextNumber, previousHash: hash } = anchor;
      const head = { registerId, number: nextNumber - 1, hash };
      return { count: pages.length, head, stop: null };
    },
    checkStored: () => Promise.reject(new Error("not asked for")),
    isWhole: () => true,
    isNewestFirst: false,
    whenStorable: async () => {},
    storeTrouble: () => null,
    report: quiet,
    compare: quiet,
    tell: ({ type, facts }) => told.push(`${type} ${JSON.stringify(facts)}`),
    onChange: quiet,
    clock,
    dice: () => 0.5,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  return { loop, clock, pulls, told, next: () => anchor.nextNumber };
}

test("a run that took its full time goes on from the checkpoint, afresh (weakness 40b)", async () => {
  const chain = new TestChain("slow").sealMany(260, 1);
  const { loop, clock, pulls, told, next } = loopOverSlowSource(chain);
  const stopping = new AbortController();
  supervise(loop, {
    registerId: chain.registerId,
    tell: ({ type, facts }) => told.push(`${type} ${JSON.stringify(facts)}`),
    reconnect: () => {},
    rediscover: () => {},
    clock,
    signal: stopping.signal,
  });
  const running = loop.run(stopping.signal);
  await clock.passUntil(clock.sleep(limits.runMs + 60_000), { withinMs: 1e8 });
  const [first, second] = pulls;
  expect(pulls.length).toBe(2);
  expect(first?.signal.aborted).toBe(true);
  expect(second?.signal.aborted).toBe(false);
  expect(second?.nextNumber).toBeGreaterThan(150);
  // It goes on behind what is stored, and with it: nothing is fetched from the beginning.
  expect(next()).toBeGreaterThan(second?.nextNumber as number);
  expect(told.filter((line) => line.includes('"step":"restart"')).length).toBe(1);
  stopping.abort();
  await running;
});

test("a loop ends at once although its source never does (weakness 39)", async () => {
  const chain = new TestChain("endless").sealMany(3, 1);
  const { loop, clock, pulls } = loopOverSlowSource(chain);
  const stopping = new AbortController();
  const running = loop.run(stopping.signal);
  await clock.passUntil(clock.sleep(20_000), { withinMs: 1e6 });
  const beforeMs = clock.monotonicMs();
  stopping.abort();
  await running;
  expect(clock.monotonicMs()).toBe(beforeMs);
  expect(pulls.every(({ signal }) => signal.aborted)).toBe(true);
});

function sourceOf(registerId: string): Source {
  return {
    peerId: "a",
    advert: {
      registerId,
      syncState: "FullyReplicated",
      latestVersion: 1,
      latestDocketVersion: 1_000_000,
      docketCount: 1_000_001,
      hasFullReplica: true,
      isPublic: true,
      genesisHash: null,
      name: null,
      description: null,
    },
    speaksReplication: true,
    isConnected: true,
    isQuarantined: false,
    points: 50,
  };
}
