import { afterEach, beforeEach, expect, test } from "bun:test";
import * as feed from "../../src/registers/feed.ts";
import { limits } from "../../src/runtime/limits.ts";

beforeEach(() => feed.open());
afterEach(() => feed.close());

function event(registerId: string, number: number): feed.Committed {
  return {
    registerId,
    firstNumber: number,
    number,
    hash: "",
    timeMs: 0,
    firstVersion: number + 1,
    transactionCount: 1,
    isControl: false,
    dockets: [
      { number, bundle: new Uint8Array(10), firstVersion: number + 1, transactionCount: 1 },
    ],
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

test("a follower keeps no docket alive, however many news it is behind", async () => {
  const follower = feed.follow({ signal: new AbortController().signal });
  for (let number = 0; number < limits.feedBacklog; number++) feed.publish(event("a", number));
  expect(follower.lagged).toBe(false);
  for await (const news of follower) {
    expect(Object.values(news).some((value) => typeof value === "object")).toBe(false);
    if (news.number === limits.feedBacklog - 1) break;
  }
});

test("endFollowers ends those of one register, which did not lag, and no others", async () => {
  const stopping = new AbortController();
  const of = (registerId: string) => feed.follow({ registerId, signal: stopping.signal });
  const [ended, other] = [of("a"), of("b")];
  feed.publish(event("a", 1));
  feed.endFollowers("a");
  feed.publish(event("a", 2));
  feed.publish(event("b", 3));
  expect(await numbersOf(ended)).toEqual([1]);
  expect(ended.lagged).toBe(false);
  stopping.abort();
  expect(await numbersOf(other)).toEqual([3]);
});

test("a follower whose reader left early is forgotten", async () => {
  const follower = feed.follow({ signal: new AbortController().signal, backlog: 1 });
  feed.publish(event("a", 0));
  for await (const _ of follower) break;
  for (let number = 1; number < 5; number++) feed.publish(event("a", number));
  expect(follower.lagged).toBe(false);
});
