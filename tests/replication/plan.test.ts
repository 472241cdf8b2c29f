import { describe, expect, test } from "bun:test";
import { Plan } from "../../src/replication/plan.ts";

function planOf(...peerIds: string[]): Plan {
  const plan = new Plan(0, { rangeMax: 1_000, windowMax: 1_000, firstCount: 50 });
  for (const peerId of peerIds)
    plan.addLane(peerId, { sourceId: peerId, headNumber: 999, nowMs: 0 });
  return plan;
}

/** The source brings all of its range, at so many dockets a second. */
function bring(plan: Plan, peerId: string, given: { nowMs: number; perSecond: number }): number {
  const range = plan.assign(peerId, given.nowMs);
  if (range === null) throw new Error(`${peerId} got nothing to do`);
  const nowMs = given.nowMs + (range.count * 1000) / given.perSecond;
  expect(plan.arrived(peerId, { ...range, nowMs })).toEqual({ skip: 0, take: range.count });
  return nowMs;
}

describe("Plan", () => {
  test("hands out neighbouring ranges, small ones to sources that nobody knows yet", () => {
    const plan = planOf("a", "b");
    expect(plan.assign("a", 0)).toEqual({ from: 0, count: 50 });
    expect(plan.assign("b", 0)).toEqual({ from: 50, count: 50 });
    expect(plan.assign("a", 0)).toBeNull();
  });

  test("makes the next range as large as the source's rate", () => {
    const plan = planOf("fast", "slow");
    const fastMs = bring(plan, "fast", { nowMs: 0, perSecond: 200 });
    const slowMs = bring(plan, "slow", { nowMs: 0, perSecond: 20 });
    // What it brings in 750 ms, and in two round trips.
    expect(plan.assign("fast", fastMs)?.count).toBe(0.2 * (750 + 2 * 250));
    // Of a long rest its part, which is little; here it has as much as it needs 750 ms for.
    expect(plan.assign("slow", slowMs)?.count).toBeLessThan(0.02 * (750 + 2 * 2_500) + 1);
  });

  test("asks nobody for more than it says it has, nor beyond the window", () => {
    const plan = new Plan(0, { rangeMax: 1_000, windowMax: 60, firstCount: 50 });
    plan.addLane("a", { sourceId: "a", headNumber: 999, nowMs: 0 });
    plan.addLane("short", { sourceId: "short", headNumber: 9, nowMs: 0 });
    plan.addLane("c", { sourceId: "c", headNumber: 999, nowMs: 0 });
    expect(plan.assign("a", 0)).toEqual({ from: 0, count: 50 });
    expect(plan.assign("short", 0)).toBeNull();
    expect(plan.assign("c", 0)).toEqual({ from: 50, count: 10 });
  });

  test("gives what a dropped source had not brought to others, the lowest first", () => {
    const plan = planOf("a", "b");
    plan.assign("a", 0);
    plan.assign("b", 0);
    plan.arrived("a", { from: 0, count: 20, nowMs: 10 });
    plan.dropLane("a");
    plan.ended("b", 0);
    expect(plan.assign("b", 10)).toMatchObject({ from: 20 });
  });

  test("asks a second source for the range that all wait for, once its source is silent", () => {
    const plan = planOf("still", "b");
    plan.assign("still", 0);
    const nowMs = bring(plan, "b", { nowMs: 0, perSecond: 500 });
    expect(plan.assign("b", nowMs)?.from).toBe(100);
    plan.ended("b", 0);
    expect(plan.assign("b", 1_000)).toEqual({ from: 0, count: 50 });
  });

  test("asks a source for its next range shortly before it is done with the last", () => {
    const plan = new Plan(0, { rangeMax: 100, windowMax: 1_000, firstCount: 50 });
    for (const laneId of ["a/0", "a/1"]) {
      plan.addLane(laneId, { sourceId: "a", headNumber: 999, nowMs: 0 });
    }
    // Of a rate that nobody knows, both at once.
    expect(plan.assign("a/0", 0)).toEqual({ from: 0, count: 50 });
    expect(plan.assign("a/1", 0)).toEqual({ from: 50, count: 100 });
    plan.arrived("a/0", { from: 0, count: 5, nowMs: 50 });
    plan.arrived("a/0", { from: 5, count: 45, nowMs: 500 });
    // 100 a second: the range that is under way takes another second.
    expect(plan.assign("a/0", 500)).toBeNull();
    plan.arrived("a/1", { from: 50, count: 70, nowMs: 1_200 });
    // 300 ms are left, and the road takes 50: the next one is for 750 and twice that.
    expect(plan.assign("a/0", 1_200)).toEqual({ from: 150, count: 85 });
    expect(plan.rateOf("a")).toBeCloseTo(100);
  });

  test("never asks a source twice for the same, however long it is silent", () => {
    const plan = planOf();
    for (const laneId of ["a/0", "a/1"]) {
      plan.addLane(laneId, { sourceId: "a", headNumber: 49, nowMs: 0 });
    }
    expect(plan.assign("a/0", 0)).toEqual({ from: 0, count: 50 });
    for (const nowMs of [0, 1_000, 60_000]) expect(plan.assign("a/1", nowMs)).toBeNull();
  });

  test("counts once what arrives twice", () => {
    const plan = planOf("a", "b");
    plan.assign("a", 0);
    plan.arrived("a", { from: 0, count: 10, nowMs: 1 });
    expect(plan.assign("b", 1_000)).toEqual({ from: 10, count: 40 });
    expect(plan.arrived("b", { from: 10, count: 15, nowMs: 1_010 })).toEqual({ skip: 0, take: 15 });
    expect(plan.arrived("a", { from: 10, count: 20, nowMs: 1_020 })).toEqual({ skip: 15, take: 5 });
    expect(plan.arrived("b", { from: 25, count: 25, nowMs: 1_030 })).toEqual({ skip: 5, take: 20 });
    expect(plan.isIdle("a")).toBe(true);
    expect(plan.isIdle("b")).toBe(true);
  });

  test("gives one alone a whole range at once, and each of several a small one first", () => {
    const bounds = { rangeMax: 400, windowMax: 1_000, firstCount: 10 };
    for (const [sources, counts] of [
      [1, [200, 400]],
      [2, [10, 10]],
    ] as const) {
      const plan = new Plan(0, { ...bounds });
      for (let at = 0; at < sources; at += 1) {
        for (const laneId of [`${at}/0`, `${at}/1`]) {
          plan.addLane(laneId, { sourceId: `${at}`, headNumber: 999, nowMs: 0 });
        }
      }
      expect(["0/0", "0/1"].map((laneId) => plan.assign(laneId, 0)?.count)).toEqual([...counts]);
    }
  });

  test("gives equal sources their part of what is left, less and less of it", () => {
    const plan = planOf("a", "b");
    let nowMs = 0;
    for (const peerId of ["a", "b"]) nowMs = bring(plan, peerId, { nowMs: 0, perSecond: 1_000 });
    // Of the 900 that are left each would bring 450.
    expect(plan.assign("a", nowMs)?.count).toBe(225);
    expect(plan.assign("b", nowMs)?.count).toBe(225);
  });

  test("lets a source without work take the tail of another one's range", () => {
    const plan = planOf("a");
    const nowMs = bring(plan, "a", { nowMs: 0, perSecond: 1_000 });
    expect(plan.assign("a", nowMs)).toEqual({ from: 500, count: 500 });
    plan.addLane("b", { sourceId: "b", headNumber: 999, nowMs });
    expect(plan.assign("b", nowMs)).toEqual({ from: 750, count: 250 });
    // What is left later is here before somebody else could bring it.
    plan.arrived("a", { from: 500, count: 200, nowMs: nowMs + 200 });
    plan.arrived("b", { from: 750, count: 200, nowMs: nowMs + 200 });
    plan.addLane("c", { sourceId: "c", headNumber: 999, nowMs });
    expect(plan.assign("c", nowMs + 200)).toBeNull();
  });

  test("is done when everything has arrived that anybody has", () => {
    const plan = planOf("a");
    plan.setHead("a", 49);
    expect(plan.isDone()).toBe(false);
    bring(plan, "a", { nowMs: 0, perSecond: 100 });
    expect(plan.isDone()).toBe(true);
    plan.lost({ from: 10, count: 5 });
    expect(plan.isDone()).toBe(false);
    expect(plan.assign("a", 1_000)).toEqual({ from: 10, count: 5 });
  });
});
