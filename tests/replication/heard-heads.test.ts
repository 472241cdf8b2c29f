import { expect, test } from "bun:test";
import { HeardHeads } from "../../src/replication/heard-heads.ts";
import { limits } from "../../src/runtime/limits.ts";
import type { HeadAnnouncement } from "../../src/wire/messages.ts";
import { SimClock } from "../support/sim-clock.ts";

function head(number: number, bytes = 100): HeadAnnouncement {
  return { registerId: "r", number, docketHash: "", docketData: new Uint8Array(bytes) };
}

function listener() {
  const clock = new SimClock();
  const held = new Set<number>();
  const looked: [number, string][] = [];
  const heard = new HeardHeads({
    isHeld: ({ number }) => held.has(number),
    look: ({ number }, peerId) => looked.push([number, peerId]),
    clock,
    signal: new AbortController().signal,
  });
  const pass = (ms: number) => clock.passUntil(clock.sleep(ms), { withinMs: 1e9 });
  return { held, looked, heard, pass };
}

test("A head whose docket is here, or comes within a moment, is not looked at", async () => {
  const { held, looked, heard, pass } = listener();
  held.add(1);
  heard.hear(head(1), "a");
  heard.hear(head(2), "a");
  held.add(2);
  await pass(1_000);
  expect(looked).toEqual([]);
});

test("A head whose docket does not come is looked at, of every peer that shows it", async () => {
  const { looked, heard, pass } = listener();
  heard.hear(head(3), "a");
  heard.hear(head(3), "b");
  await pass(50);
  heard.hear(head(4), "b");
  expect(looked).toEqual([]);
  await pass(1_000);
  heard.hear(head(5), "a");
  await pass(1_000);
  expect(looked).toEqual([
    [3, "a"],
    [3, "b"],
    [4, "b"],
    [5, "a"],
  ]);
});

test("What there is no room for is looked at now, and nothing is dropped", async () => {
  const { looked, heard, pass } = listener();
  for (let number = 0; number < 8; number += 1) {
    heard.hear(head(number, limits.heardHeadBytes / 4), "a");
  }
  const now = looked.length;
  expect(now).toBeGreaterThan(3);
  await pass(1_000);
  expect(looked.map(([number]) => number).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
