/**
 * Catch-ups of many registers into a database that stands still, on a clock that jumps: what they
 * hold is counted in bytes, against the bounds of a register and of the node.
 */
import { expect, test } from "bun:test";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import type { CheckedPage, Policy } from "../../src/dockets/types.ts";
import type { Source } from "../../src/peers/adverts.ts";
import { CatchUp } from "../../src/replication/catch-up.ts";
import { InFlight } from "../../src/replication/in-flight.ts";
import type { Range } from "../../src/replication/plan.ts";
import type { PulledPage } from "../../src/replication/pull.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../support/sim-clock.ts";

const docketBytes = 64 * 1_024;
const bundle = encodeBundle({ docketData: new Uint8Array(docketBytes), transactionData: [] });
const frameDockets = Math.floor(limits.frameBytes / docketBytes);
const frames = Array.from({ length: frameDockets + 1 }, (_, count) =>
  encodePage({ bundles: Array(count).fill(bundle), headNumber: 0, firstVersion: 0 }),
);

interface Store {
  thawed: Promise<void>;
  /** Bytes that sources gave. */
  given: number;
  /** Bytes of one register that wait, at most. */
  waitingMost: number;
}

/** A register that comes from four sources at once, as fast as it is asked for. */
function catchUp(store: Store, given: { inFlight: InFlight; clock: SimClock; dockets: number }) {
  const { inFlight, clock, dockets } = given;
  let committed = 0;
  let waiting = 0;
  const run = new CatchUp({
    sources: () => ["a", "b", "c", "d"].map((peerId) => sourceOf(peerId, dockets)),
    nextNumber: () => committed,
    policy: () => ({ version: 1 }) as Policy,
    async *pullRange(source, range: Range & { bytesMax: number; signal: AbortSignal }) {
      const end = Math.min(range.from + range.count, dockets);
      let bytesLeft = range.bytesMax;
      for (let from = range.from; from < end && bytesLeft > 0; ) {
        await clock.sleep(2, range.signal);
        const fitting = Math.max(1, Math.floor(bytesLeft / docketBytes));
        const count = Math.min(frameDockets, end - from, fitting);
        const page = pageOf(source, { from, count });
        bytesLeft -= page.bytes.length;
        store.given += page.bytes.length;
        waiting += page.bytes.length;
        store.waitingMost = Math.max(store.waitingMost, waiting);
        yield page;
        from += count;
      }
    },
    check: async ({ nextNumber, docketCount }) => {
      const docketAt = (_: unknown, at: number) => ({ number: nextNumber + at });
      const value = { dockets: Array.from({ length: docketCount }, docketAt) };
      return { ok: true, value: value as unknown as CheckedPage };
    },
    commit: async (pages) => {
      await store.thawed;
      for (const page of pages) {
        expect(page.dockets[0]?.number).toBe(committed);
        committed += page.dockets.length;
        waiting -= frames[page.dockets.length]?.length ?? 0;
      }
      return { count: pages.length, head: null, stop: null };
    },
    onCommitted: () => {},
    onTrouble: () => {},
    inFlight,
    clock,
    signal: new AbortController().signal,
  }).run();
  return { run, committed: () => committed };
}

function sourceOf(peerId: string, dockets: number): Source {
  const advert = { latestDocketVersion: dockets - 1 };
  return { peerId, speaksReplication: true, advert } as Source;
}

function pageOf(source: Source, { from, count }: Range): PulledPage {
  return {
    registerId: "r",
    bytes: frames[count] as Uint8Array<ArrayBuffer>,
    nextNumber: from,
    docketCount: count,
    sourceHeadNumber: source.advert.latestDocketVersion,
    sourcePeerId: source.peerId,
  };
}

test.each([
  { registers: 1, dockets: 3_000, registerBytes: 2 * limits.catchUpBytes },
  { registers: 20, dockets: 300, registerBytes: limits.catchUpBytes },
])(
  "$registers catch-ups into a database that stands still hold no more than they may",
  async ({ registers, dockets, registerBytes }) => {
    const clock = new SimClock();
    const inFlight = new InFlight();
    const thaw = Promise.withResolvers<void>();
    const store: Store = { thawed: thaw.promise, given: 0, waitingMost: 0 };
    const runs = Array.from({ length: registers }, () =>
      catchUp(store, { inFlight, clock, dockets }),
    );
    await clock.passUntil(clock.sleep(10_000), { withinMs: 20_000 });
    const givenSoon = store.given;
    await clock.passUntil(clock.sleep(20_000), { withinMs: 40_000 });
    // A page a lane may have been on its way when the node was full; then nobody asks any more.
    expect(store.given).toBe(givenSoon);
    expect(inFlight.bytes).toBeGreaterThan(limits.storeAheadBytes / 2);
    expect(inFlight.bytes).toBeLessThanOrEqual(limits.inFlightBytes + limits.catchUpBytes);
    expect(store.waitingMost).toBeLessThanOrEqual(registerBytes);
    thaw.resolve();
    const all = Promise.all(runs.map(({ run }) => run));
    const ends = await clock.passUntil(all, { withinMs: 600_000 });
    expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(["done"]));
    for (const { committed } of runs) expect(committed()).toBe(dockets);
    expect(inFlight.bytes).toBe(0);
  },
);
