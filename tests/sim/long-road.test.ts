/**
 * Catch-ups over lines that carry so many bytes a second, shared by all that a source was asked
 * for, at the end of a road that takes its time, on a clock that jumps. Compared with what the
 * lines could carry.
 */
import { expect, test } from "bun:test";
import { orAbort } from "../../src/base/signal.ts";
import { encodeBundle, encodePage } from "../../src/dockets/bundle.ts";
import type { CheckedPage, Policy } from "../../src/dockets/types.ts";
import type { Source } from "../../src/peers/adverts.ts";
import { CatchUp } from "../../src/replication/catch-up.ts";
import { InFlight } from "../../src/replication/in-flight.ts";
import type { Range } from "../../src/replication/plan.ts";
import type { PulledPage } from "../../src/replication/pull.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../support/sim-clock.ts";
import { SimLine } from "./sim-line.ts";

const perDocket = 100;
const MB = 1e6;

interface Register {
  dockets: number;
  docketBytes: number;
}

/** Simulated seconds until all of it is here, and the bytes that came for it. */
async function bring(
  register: Register,
  roads: { bytesPerSecond: number; roundTripMs: number }[],
): Promise<{ seconds: number; bytes: number }> {
  const { dockets, docketBytes } = register;
  const clock = new SimClock();
  const lines = roads.map((road) => new SimLine(clock, road));
  const sources = lines.map((_, at) => sourceOf(String(at), dockets));
  let committed = 0;
  const run = new CatchUp({
    sources: () => sources,
    nextNumber: () => committed,
    policy: () => ({ version: 1 }) as Policy,
    async *pullRange(source, range: Range & { bytesMax: number; signal: AbortSignal }) {
      const line = lines[Number(source.peerId)] as SimLine;
      const pages = pagesOf(source, { ...register, ...range });
      await clock.sleep(line.road.roundTripMs / 2, range.signal);
      const sizes = pages.map((page) => page.docketCount * docketBytes);
      const sent = line.send(sizes, range.signal);
      for (const [at, page] of pages.entries()) {
        const leftMs = await orAbort(sent[at] as Promise<number>, range.signal);
        const arrivesMs = leftMs + line.road.roundTripMs / 2;
        await clock.sleep(arrivesMs - clock.monotonicMs(), range.signal);
        yield page;
      }
    },
    check: async ({ nextNumber, docketCount }) => {
      const docketAt = (_: unknown, at: number) => ({ number: nextNumber + at });
      const value = { dockets: Array.from({ length: docketCount }, docketAt) };
      return { ok: true, value: value as unknown as CheckedPage };
    },
    commit: async (pages) => {
      for (const page of pages) {
        expect(page.dockets[0]?.number).toBe(committed);
        committed += page.dockets.length;
      }
      return { count: pages.length, head: null, stop: null };
    },
    onCommitted: () => {},
    onTrouble: (_, trouble) => expect(trouble).toBeNull(),
    inFlight: new InFlight(),
    clock,
    signal: new AbortController().signal,
  });
  await clock.passUntil(run.run(), { withinMs: 600_000 });
  expect(committed).toBe(dockets);
  return {
    seconds: clock.monotonicMs() / 1_000,
    bytes: lines.reduce((sum, line) => sum + line.bytes, 0),
  };
}

function sourceOf(peerId: string, dockets: number): Source {
  const advert = { latestDocketVersion: dockets - 1, latestVersion: dockets * perDocket };
  return { peerId, speaksReplication: true, advert } as Source;
}

/** As a node gives it: frames, and an end where a docket doesn't fit any more. */
function pagesOf(source: Source, asked: Register & Range & { bytesMax: number }): PulledPage[] {
  const { from, dockets, docketBytes, bytesMax } = asked;
  const fitting = Math.max(1, Math.floor(bytesMax / docketBytes));
  const end = Math.min(from + Math.min(asked.count, fitting), dockets);
  const frameDockets = Math.max(1, Math.floor(limits.frameBytes / docketBytes));
  const pages: PulledPage[] = [];
  for (let nextNumber = from; nextNumber < end; nextNumber += frameDockets) {
    const docketCount = Math.min(frameDockets, end - nextNumber);
    const docketData = new Uint8Array(docketBytes);
    const bundle = encodeBundle({ docketData, transactionData: [] });
    const bundles = Array.from({ length: docketCount }, () => bundle);
    pages.push({
      registerId: "r",
      bytes: encodePage({ bundles, headNumber: 0, firstVersion: 0 }),
      nextNumber,
      docketCount,
      sourceHeadNumber: dockets - 1,
      sourcePeerId: source.peerId,
    });
  }
  return pages;
}

const narrow = { bytesPerSecond: 4 * MB, roundTripMs: 2 };

test.each([
  { dockets: 200, docketBytes: 137_000, roundTripMs: 0 },
  { dockets: 200, docketBytes: 137_000, roundTripMs: 50 },
  { dockets: 600, docketBytes: 137_000, roundTripMs: 0 },
  { dockets: 20_000, docketBytes: 1_400, roundTripMs: 0 },
])(
  "four equal lines, $roundTripMs ms long, bring $dockets dockets nearly four times as fast",
  async ({ roundTripMs, ...register }) => {
    const road = { ...narrow, roundTripMs };
    const one = await bring(register, [road]);
    const four = await bring(register, [road, road, road, road]);
    expect(one.seconds / four.seconds).toBeGreaterThan(3.6);
    expect(four.bytes).toBeLessThan(one.bytes * 1.1);
  },
);

test.each([
  { what: "stands still", bytesPerSecond: 1 },
  { what: "has a hundredth of the speed", bytesPerSecond: narrow.bytesPerSecond / 100 },
])("a fourth line that $what costs little", async ({ bytesPerSecond }) => {
  const register = { dockets: 600, docketBytes: 137_000 };
  const three = await bring(register, [narrow, narrow, narrow]);
  const four = await bring(register, [narrow, narrow, narrow, { ...narrow, bytesPerSecond }]);
  expect(four.seconds).toBeLessThan(three.seconds * 1.15);
});

test.each([
  { roundTripMs: 100, bytesPerSecond: 60 * MB },
  { roundTripMs: 1_000, bytesPerSecond: 10 * MB },
])("a road of $roundTripMs ms is kept full, once something can have come", async (road) => {
  const register = { dockets: 600, docketBytes: 137_000 };
  const { seconds } = await bring(register, [road]);
  const least = (register.dockets * register.docketBytes) / road.bytesPerSecond;
  expect((least + road.roundTripMs / 1_000) / seconds).toBeGreaterThan(0.8);
});
