/**
 * A catch-up from simulated sources, each with a rate, a moment at which it freezes, and perhaps a
 * lie, on a clock that jumps. Every run is repeated by its seed; what is compared are simulated
 * times.
 */
import { describe, expect, test } from "bun:test";
import { seededDice } from "../../src/base/prng.ts";
import { abortError } from "../../src/base/signal.ts";
import { encodeBundle, encodePage, scanPage } from "../../src/dockets/bundle.ts";
import type { CheckedPage, Outcome, Policy } from "../../src/dockets/types.ts";
import type { Source } from "../../src/peers/adverts.ts";
import { CatchUp } from "../../src/replication/catch-up.ts";
import { InFlight } from "../../src/replication/in-flight.ts";
import type { Range } from "../../src/replication/plan.ts";
import type { PulledPage } from "../../src/replication/pull.ts";
import type { Trouble } from "../../src/replication/trouble.ts";
import { refuse } from "../../src/wire/status.ts";
import { SimClock } from "../support/sim-clock.ts";

interface SimSource {
  /** Dockets a second. */
  rate: number;
  /** Simulated ms at which it stops giving anything, without hanging up. */
  freezesAtMs?: number;
  /** From this docket on everything it serves is false. */
  liesFrom?: number;
  /** It hangs up at this docket. */
  breaksAt?: number;
  /** What it says it has, where that is not true. */
  claims?: number;
  /** What it really has. */
  has?: number;
}

interface Outcomes {
  seconds: number;
  committed: number;
  /** Longest simulated time in which nothing was stored. */
  longestGapMs: number;
  troubles: [string, Trouble][];
  served: Map<string, number>;
}

const policy = { version: 1 } as Policy;
const frameDockets = 25;
const roundTripMs = 2;

async function simulate(
  sources: Record<string, SimSource>,
  options: { dockets: number; seed?: number; withinMs?: number },
): Promise<Outcomes> {
  const clock = new SimClock();
  const roll = seededDice(options.seed ?? 1);
  const served = new Map<string, number>();
  const troubles: [string, Trouble][] = [];
  const excluded = new Set<string>();
  const turns = new Map<string, Promise<void>>();
  let committed = 0;
  let storedMs = 0;
  let longestGapMs = 0;
  const list = Object.entries(sources).map(([peerId, one]) => sourceOf(peerId, one));

  function sourceOf(peerId: string, one: SimSource): Source {
    const latestDocketVersion = (one.claims ?? one.has ?? options.dockets) - 1;
    return { peerId, speaksReplication: true, advert: { latestDocketVersion } } as Source;
  }

  /** Its answers share its line, a page after the other. */
  async function turnOf(peerId: string, ms: number, signal: AbortSignal): Promise<void> {
    const before = turns.get(peerId) ?? Promise.resolve();
    const turn = before.then(() => clock.sleep(ms, signal)).catch(() => undefined);
    turns.set(peerId, turn);
    await turn;
    if (signal.aborted) throw abortError(signal);
  }

  async function* pullRange(
    source: Source,
    range: Range & { signal: AbortSignal },
  ): AsyncGenerator<PulledPage> {
    const one = sources[source.peerId] as SimSource;
    const end = Math.min(range.from + range.count, one.has ?? options.dockets);
    await clock.sleep(roundTripMs, range.signal);
    if (range.from > (one.has ?? options.dockets)) throw refuse("NOT_YET", { message: "" });
    for (let from = range.from; from < end; ) {
      const count = Math.min(frameDockets, end - from);
      await turnOf(source.peerId, ((count * 1000) / one.rate) * (0.8 + 0.4 * roll()), range.signal);
      if (clock.monotonicMs() >= (one.freezesAtMs ?? Number.POSITIVE_INFINITY)) {
        await clock.sleep(1e9, range.signal);
      }
      if (one.breaksAt !== undefined && from + count > one.breaksAt) throw new Error("hung up");
      served.set(source.peerId, (served.get(source.peerId) ?? 0) + count);
      yield pageOf(source, { from, count, isLie: from + count > (one.liesFrom ?? 1e9) });
      from += count;
    }
  }

  function pageOf(source: Source, page: Range & { isLie: boolean }): PulledPage {
    const docketData = new TextEncoder().encode(page.isLie ? "lie" : "true");
    const bundle = encodeBundle({ docketData, transactionData: [] });
    const bundles = Array.from({ length: page.count }, () => bundle);
    return {
      registerId: "r",
      bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }),
      nextNumber: page.from,
      docketCount: page.count,
      sourceHeadNumber: source.advert.latestDocketVersion,
      sourcePeerId: source.peerId,
    };
  }

  async function check(page: PulledPage): Promise<Outcome<CheckedPage>> {
    const isLie = Buffer.from(page.bytes).includes("lie");
    const { nextNumber: docketNumber, docketCount } = page;
    const scanned = scanPage(page.bytes);
    expect(scanned.ok && scanned.value.bundles.length).toBe(docketCount);
    if (isLie) return { ok: false, refusal: { code: "seal", message: "", docketNumber } };
    const dockets = Array.from({ length: docketCount }, (_, at) => ({ number: docketNumber + at }));
    return { ok: true, value: { dockets } as unknown as CheckedPage };
  }

  const run = new CatchUp({
    sources: () => list.filter(({ peerId }) => !excluded.has(peerId)),
    nextNumber: () => committed,
    policy: () => (committed === 0 ? null : policy),
    pullRange,
    check,
    commit: async (pages) => {
      longestGapMs = Math.max(longestGapMs, clock.monotonicMs() - storedMs);
      storedMs = clock.monotonicMs();
      for (const { dockets } of pages) {
        expect(dockets[0]?.number).toBe(committed);
        committed += dockets.length;
      }
      const head = { registerId: "r", number: committed - 1, hash: "" };
      return { count: pages.length, head, stop: null };
    },
    onCommitted: () => {},
    onTrouble: (source, trouble) => {
      troubles.push([source.peerId, trouble]);
      excluded.add(source.peerId);
    },
    inFlight: new InFlight(),
    clock,
    signal: new AbortController().signal,
  });
  const end = await clock.passUntil(run.run(), { withinMs: options.withinMs ?? 600_000 });
  expect(end.kind).toBe("done");
  return { seconds: clock.monotonicMs() / 1000, committed, longestGapMs, troubles, served };
}

const fast: SimSource = { rate: 500 };
const dockets = 20_000;

describe("CatchUp", () => {
  test("is nearly four times as fast from four equal sources as from one", async () => {
    const one = await simulate({ a: fast }, { dockets });
    const four = await simulate({ a: fast, b: fast, c: fast, d: fast }, { dockets });
    expect(four.committed).toBe(dockets);
    expect(four.troubles).toEqual([]);
    expect(one.seconds / four.seconds).toBeGreaterThan(3.6);
  });

  test.each([
    ["is frozen from the start", { rate: 500, freezesAtMs: 0 }],
    ["freezes halfway", { rate: 500, freezesAtMs: 5_000 }],
    ["has a hundredth of the speed", { rate: 5 }],
  ])("loses little when one of four %s", async (_, bad) => {
    const three = await simulate({ a: fast, b: fast, c: fast }, { dockets });
    const four = await simulate({ a: fast, b: fast, c: fast, d: bad }, { dockets });
    expect(four.committed).toBe(dockets);
    expect(four.seconds).toBeLessThan(three.seconds * 1.15);
  });

  test("gives every source work after its rate", async () => {
    const { served, committed } = await simulate({ a: fast, b: { rate: 100 } }, { dockets: 6_000 });
    expect(committed).toBe(6_000);
    const share = (served.get("b") ?? 0) / (served.get("a") ?? 1);
    expect(share).toBeGreaterThan(0.12);
    expect(share).toBeLessThan(0.3);
  });

  test("leaves a liar at its first false page, and gets its dockets from others", async () => {
    const liar = { rate: 500, liesFrom: 0 };
    const { committed, troubles, served } = await simulate(
      { a: liar, b: fast, c: fast },
      { dockets },
    );
    expect(committed).toBe(dockets);
    expect(troubles.map(([peerId]) => peerId)).toEqual(["a"]);
    expect(served.get("a")).toBeLessThanOrEqual(4 * frameDockets);
  });

  test.each([
    ["lies", { rate: 500, liesFrom: 2_000 }],
    ["hangs up", { rate: 500, breaksAt: 2_000 }],
    ["freezes", { rate: 500, freezesAtMs: 2_000 }],
    ["gives next to nothing", { rate: 1 }],
    ["claims what it does not have", { rate: 500, has: 2_000, claims: 1_000_000 }],
  ])("has others take over within a second from one that %s", async (_, bad) => {
    const { committed, longestGapMs } = await simulate({ a: bad, b: fast, c: fast }, { dockets });
    expect(committed).toBe(dockets);
    expect(longestGapMs).toBeLessThan(1_000);
  });

  test("goes on without a source that hangs up", async () => {
    const { committed, troubles } = await simulate(
      { a: { rate: 500, breaksAt: 3_000 }, b: fast },
      { dockets },
    );
    expect(committed).toBe(dockets);
    expect(troubles.map(([peerId]) => peerId)).toEqual(["a"]);
  });

  test("does not wait for heights that nobody can show", async () => {
    const boaster = { rate: 500, has: 10_000, claims: 1_000_000 };
    const { committed, seconds } = await simulate({ a: boaster, b: fast }, { dockets });
    expect(committed).toBe(dockets);
    expect(seconds).toBeLessThan(45);
  });

  test("takes from each what it has", async () => {
    const { committed, troubles } = await simulate(
      { a: { rate: 500, has: 1_000 }, b: { rate: 500, has: 7_000 }, c: { rate: 100, has: 9_000 } },
      { dockets },
    );
    expect(committed).toBe(9_000);
    expect(troubles).toEqual([]);
  });

  test("brings everything here whatever the sources do, as long as one is honest", async () => {
    const runs = Number(process.env.SIM_RUNS ?? 30);
    const from = Number(process.env.SEED ?? 1);
    for (let seed = from; seed < from + runs; seed += 1) {
      const roll = seededDice(seed * 7_919);
      const sources: Record<string, SimSource> = { honest: { rate: 200 + roll() * 800 } };
      for (let index = 0; index < 1 + Math.floor(roll() * 6); index += 1) {
        const kind = Math.floor(roll() * 6);
        sources[`s${index}`] = {
          rate: 5 + roll() * 995,
          ...(kind === 1 ? { freezesAtMs: roll() * 10_000 } : {}),
          ...(kind === 2 ? { liesFrom: Math.floor(roll() * 5_000) } : {}),
          ...(kind === 3 ? { breaksAt: Math.floor(roll() * 5_000) } : {}),
          ...(kind === 4 ? { has: Math.floor(roll() * 5_000), claims: 50_000 } : {}),
          ...(kind === 5 ? { has: 1 + Math.floor(roll() * 5_000) } : {}),
        };
      }
      const { committed, troubles } = await simulate(sources, { dockets: 5_000, seed });
      expect({ seed, committed }).toEqual({ seed, committed: 5_000 });
      const blamed = troubles.filter(([, trouble]) => trouble.kind === "false");
      for (const [peerId] of blamed) expect(sources[peerId]?.liesFrom).toBeDefined();
    }
  });
});
