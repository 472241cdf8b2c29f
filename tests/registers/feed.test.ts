import { afterEach, beforeEach, expect, test } from "bun:test";
import * as feed from "../../src/registers/feed.ts";
import { limits } from "../../src/runtime/limits.ts";

beforeEach(() => feed.open());
afterEach(() => feed.close());

function event(registerId: string, number: number, bytes = 10): feed.HeadEvent {
  return {
    registerId,
    firstNumber: number,
    number,
    hash: "",
    timeMs: 0,
    firstVersion: number + 1,
    transactionCount: 1,
    isControl: false,
    bundles: [new Uint8Array(bytes)],
  };
}

async function numbersOf(follower: feed.Follower): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of follower) numbers.push(number);
  return numbers;
}

test("follow gives one register's events from now on, in order, until the abort", async () => {
  const stopping = new AbortController();
  feed.publish(event("a", 0));
  const numbers = numbersOf(feed.follow({ registerId: "a", signal: stopping.signal }));
  for (const number of [1, 2, 3]) {
    feed.publish(event("a", number));
    feed.publish(event("b", number));
    await Bun.sleep(0);
  }
  stopping.abort();
  expect(await numbers).toEqual([1, 2, 3]);
});

test("follow without a register gives all of them", async () => {
  const numbers = numbersOf(feed.follow({ signal: new AbortController().signal }));
  feed.publish(event("a", 1));
  feed.publish(event("b", 2));
  feed.close();
  feed.open();
  expect(await numbers).toEqual([1, 2]);
});

test("follow with a signal that has aborted ends at once", async () => {
  expect(await numbersOf(feed.follow({ signal: AbortSignal.abort() }))).toEqual([]);
});

test("a follower that is behind by more than its backlog is dropped and says so", async () => {
  const follower = feed.follow({ signal: new AbortController().signal, backlog: 3 });
  const other = feed.follow({ signal: new AbortController().signal });
  for (let number = 0; number < 5; number++) feed.publish(event("a", number));
  expect(follower.lagged).toBe(true);
  expect(await numbersOf(follower)).toEqual([]);
  feed.close();
  feed.open();
  expect(other.lagged).toBe(false);
  expect(await numbersOf(other)).toEqual([0, 1, 2, 3, 4]);
});

test("a follower that keeps too many bytes is dropped, a single large event is not", async () => {
  const follower = feed.follow({ signal: new AbortController().signal });
  feed.publish(event("a", 0, limits.feedBacklogBytes + 1));
  expect(follower.lagged).toBe(false);
  feed.publish(event("a", 1, 1));
  expect(follower.lagged).toBe(true);
});

test("a follower whose reader left early is forgotten", async () => {
  const follower = feed.follow({ signal: new AbortController().signal, backlog: 1 });
  feed.publish(event("a", 0));
  for await (const _ of follower) break;
  for (let number = 1; number < 5; number++) feed.publish(event("a", number));
  expect(follower.lagged).toBe(false);
});
