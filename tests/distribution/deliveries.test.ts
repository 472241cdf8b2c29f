import { afterEach, expect, test } from "bun:test";
import { Deliveries } from "../../src/distribution/deliveries.ts";
import { limits } from "../../src/runtime/limits.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { errorOf } from "../support/error-of.ts";

const { atOnce, bytesAtOnce, patienceMs } = limits.delivery;
const clock = new SimClock();
let deliveries = new Deliveries(clock);
let told: string[] = [];

afterEach(async () => {
  const closing = deliveries.close();
  await clock.pass(limits.gossip.roundMs);
  await closing;
  deliveries = new Deliveries(clock);
  told = [];
});

function begin(transactionId: string, given: { registerId?: string; bytes?: number } = {}) {
  const { registerId = "r", bytes = 1 } = given;
  const done = deliveries.begin({
    ...{ registerId, transactionId, bytes },
    tell: () => void told.push(transactionId),
  });
  done.catch(() => undefined);
  return done;
}

test("of a long queue so many are told at once, and each docket makes room for the next", async () => {
  const ids = Array.from({ length: 3 * atOnce }, (_, index) => `t${index}`);
  const done = ids.map((id) => begin(id));
  expect(told).toEqual(ids.slice(0, atOnce));
  for (let from = 0; from < ids.length; from += 100) {
    for (const id of ids.slice(from, from + 100)) deliveries.sealed("r", id, from);
    expect(told.length).toBe(Math.min(ids.length, atOnce + from + 100));
  }
  expect(told).toEqual(ids);
  expect((await Promise.all(done)).at(-1)).toBe(ids.length - 100);
  expect([deliveries.count, [...deliveries.registerIds()]]).toEqual([0, []]);
});

test("bytes are bounded too; what is too large alone is told alone", () => {
  begin("a", { bytes: bytesAtOnce + 1 });
  begin("b");
  expect(told).toEqual(["a"]);
  deliveries.sealed("r", "a", 1);
  expect(told).toEqual(["a", "b"]);
  begin("c", { bytes: bytesAtOnce });
  expect(told).toEqual(["a", "b"]);
  deliveries.sealed("r", "b", 2);
  expect(told).toEqual(["a", "b", "c"]);
});

test("a register that nobody seals holds up no other, and its next once patience is over", async () => {
  for (let count = 0; count <= atOnce; count += 1) begin(`stuck${count}`, { registerId: "stuck" });
  begin("free");
  expect(told.at(-1)).toBe("free");
  expect(told).not.toContain(`stuck${atOnce}`);
  expect(deliveries.of("stuck").length).toBe(atOnce + 1);
  const first = deliveries.begin({
    ...{ registerId: "other", transactionId: "x", bytes: 1 },
    tell: () => {},
  });
  const failed = errorOf(first);
  deliveries.told("other", ["x"]);
  deliveries.told("stuck", ["stuck0"]);
  await clock.pass(patienceMs + 2 * limits.gossip.roundMs);
  expect(await failed).toMatchObject({ kind: "conflict", code: "not-sealed" });
  expect(told).toContain(`stuck${atOnce}`);
});

test("what was never told spends no patience, and is told again and again", async () => {
  let isOver = false;
  begin("a").catch(() => {
    isOver = true;
  });
  await clock.pass(3 * patienceMs);
  expect(isOver).toBe(false);
  expect(told.length).toBeGreaterThan(100);
});
