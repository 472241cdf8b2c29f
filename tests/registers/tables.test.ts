import { expect, test } from "bun:test";
import { appendEvent, listEvents, trimEvents } from "../../src/registers/events-table.ts";
import { addEvidence, listEvidence } from "../../src/registers/evidence-table.ts";
import {
  deleteSubscription,
  insertSubscription,
  listSubscriptions,
  readSubscription,
  type SubscriptionRow,
  setPaused,
  updateSubscription,
} from "../../src/registers/subscriptions-table.ts";
import { sql } from "../../src/store/sql.ts";
import { onEachStore } from "../support/database.ts";

onEachStore("tables", () => {
  test("a subscription comes back as it was stored, and changes in place", async () => {
    const row: SubscriptionRow = {
      registerId: "5b",
      mode: "FullReplica",
      state: "Subscribing",
      genesisHash: "ab".repeat(32),
      targetNumber: null,
      consecutiveFailures: 0,
      errorCode: null,
      errorMessage: null,
      createdAtMs: 1_700_000_000_123,
      lastSyncAtMs: null,
      pausedAtMs: null,
      keepDockets: 100,
      keepDays: null,
    };
    expect(await insertSubscription(sql(), row)).toBe(true);
    expect(await insertSubscription(sql(), { ...row, mode: "ForwardOnly" })).toBe(false);
    expect(await readSubscription(sql(), "5b")).toEqual(row);
    const changed: SubscriptionRow = {
      ...row,
      state: "Error",
      targetNumber: 2 ** 40,
      consecutiveFailures: 3,
      errorCode: "seal",
      errorMessage: "Ünsealed",
      lastSyncAtMs: 1_700_000_000_999,
    };
    expect(await updateSubscription(sql(), changed)).toBe(true);
    expect(await listSubscriptions(sql())).toEqual([changed]);
    const pausedAtMs = 1_700_000_001_000;
    expect(await setPaused(sql(), { registerId: "5b", pausedAtMs })).toBe(true);
    expect(await updateSubscription(sql(), changed)).toBe(true);
    expect(await readSubscription(sql(), "5b")).toEqual({ ...changed, pausedAtMs });
    expect(await setPaused(sql(), { registerId: "none", pausedAtMs })).toBe(false);
    expect(await deleteSubscription(sql(), "5b")).toBe(true);
    expect(await deleteSubscription(sql(), "5b")).toBe(false);
    expect(await updateSubscription(sql(), changed)).toBe(false);
  });

  test("evidence is kept once, both sides of it, byte for byte", async () => {
    const side = {
      registerId: "ed",
      docketNumber: 7,
      docketData: new Uint8Array([0, 255, 1]),
      sourcePeerId: "b",
      foundAtMs: 5,
    };
    const one = { ...side, hash: "11".repeat(32) };
    const other = { ...side, hash: "22".repeat(32), sourcePeerId: null };
    await addEvidence(sql(), one);
    await addEvidence(sql(), other);
    await addEvidence(sql(), { ...one, sourcePeerId: "c" });
    const kept = await listEvidence(sql(), { registerId: "ed", countMax: 10 });
    expect(kept).toEqual(
      [one, other].map((e) => ({ ...e, docketData: Buffer.from(e.docketData) })),
    );
  });

  test("events come back in order, filtered and bounded", async () => {
    for (let index = 0; index < 10; index++) {
      await appendEvent(sql(), {
        atMs: index,
        type: index % 2 === 0 ? "even" : "odd",
        registerId: index < 5 ? "e0" : null,
        peerId: null,
        message: `Number ${index}`,
        facts: { index, deep: { list: [1, "x"] } },
      });
    }
    const all = await listEvents(sql(), { countMax: 100 });
    expect(all.map((event) => event.atMs)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(all[9]).toMatchObject({
      registerId: null,
      facts: { index: 9, deep: { list: [1, "x"] } },
    });
    const newest = await listEvents(sql(), { countMax: 3, types: ["even"] });
    expect(newest.map((event) => event.atMs)).toEqual([4, 6, 8]);
    const before = { before: all[6]?.eventId as number, countMax: 2, types: ["od*", "none"] };
    expect((await listEvents(sql(), before)).map((event) => event.atMs)).toEqual([3, 5]);
    const found = await listEvents(sql(), { search: "NUMBER 7", countMax: 9 });
    expect(found.map((event) => event.atMs)).toEqual([7]);
    expect(await listEvents(sql(), { search: "100 %", countMax: 9 })).toEqual([]);
    const after = await listEvents(sql(), { after: all[7]?.eventId as number, countMax: 100 });
    expect(after.map((event) => event.atMs)).toEqual([8, 9]);
    expect(await listEvents(sql(), { registerId: "e0", countMax: 100 })).toHaveLength(5);
    await trimEvents(sql(), { keep: 4, keepMinor: 4, beforeMs: 0 });
    expect((await listEvents(sql(), { countMax: 100 })).map((event) => event.atMs)).toEqual([
      6, 7, 8, 9,
    ]);
    const about = { registerId: null, peerId: "p", message: "", facts: {} };
    await appendEvent(sql(), { ...about, atMs: 10, type: "peer.banned" });
    for (const atMs of [11, 12, 13]) {
      await appendEvent(sql(), { ...about, atMs, type: "peer.answered" });
    }
    await trimEvents(sql(), { keep: 100, keepMinor: 2, beforeMs: 9 });
    expect((await listEvents(sql(), { countMax: 100 })).map((event) => event.atMs)).toEqual([
      9, 10, 12, 13,
    ]);
  });
});
