import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeDocket } from "../../src/dockets/decode.ts";
import { deleteDockets } from "../../src/registers/dockets-table.ts";
import { hotCache } from "../../src/registers/hot-cache.ts";
import { sql } from "../../src/store/sql.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import type { SyncDocketEntry } from "../../src/wire/docket-sync-messages.ts";
import { docketSync } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { closeRpcNode, elsewhere, followed, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

const deadlineMs = 10_000;

onEachStore("DocketSyncService", () => {
  const chain = new TestChain("r1").sealMany(10, 2);
  let channel: Channel;

  beforeAll(async () => {
    const { address } = await openRpcNode();
    channel = openChannel({ address });
    await keep(chain, 0, 8);
  });
  afterAll(async () => {
    channel.close();
    await closeRpcNode();
  });

  const ask = (registerId: string) =>
    channel.unary(docketSync.getLatestDocketNumber, { registerId }, { deadlineMs });

  /** What came, and what it ended with if not well. */
  async function sync(from: number, to = 0, maxCount = 0, registerId = "r1") {
    const request = { registerId, fromDocketNumber: from, toDocketNumber: to, maxCount };
    const entries: SyncDocketEntry[] = [];
    try {
      for await (const entry of channel.stream(docketSync.syncDockets, request)) {
        entries.push(entry);
      }
      return { entries, numbers: entries.map((one) => one.docketNumber), error: null };
    } catch (error) {
      return { entries, numbers: entries.map((one) => one.docketNumber), error };
    }
  }

  describe("GetLatestDocketNumber", () => {
    test("is the store's truth where nobody else tells, and says that nobody does", async () => {
      const told = await ask("r1");
      expect(told).toMatchObject({
        latestDocketNumber: 8,
        sourcePeerId: "served",
        networkAvailable: false,
      });
      expect(told.queriedAt?.seconds).toBeGreaterThan(1.7e9);
    });

    test("names the peer that is ahead, and who answers now (weakness 65)", async () => {
      const head = { number: 40, peerId: "ahead", isProven: true };
      elsewhere.set("r1", { head, isAvailable: true, isPublic: true });
      expect(await ask("r1")).toMatchObject({
        latestDocketNumber: 40,
        sourcePeerId: "ahead",
        networkAvailable: true,
      });
      elsewhere.set("r1", { head: { ...head, number: 3 }, isAvailable: true, isPublic: true });
      expect(await ask("r1")).toMatchObject({ latestDocketNumber: 8, sourcePeerId: "served" });
      elsewhere.clear();
    });

    test("of a register that has not come yet is what others tell, else NOT_YET", async () => {
      followed.set("awaited", { syncState: "Syncing", lastSyncAtMs: null, isPaused: false });
      expect(refusalOf(await errorOf(ask("awaited")))?.name).toBe("NOT_YET");
      const head = { number: 5, peerId: "other", isProven: false };
      elsewhere.set("awaited", { head, isAvailable: true, isPublic: true });
      expect(await ask("awaited")).toMatchObject({ latestDocketNumber: 5, sourcePeerId: "other" });
      elsewhere.set("awaited", { head, isAvailable: true, isPublic: false });
      expect(refusalOf(await errorOf(ask("awaited")))?.name).toBe("NOT_YET");
    });

    test("of an unknown register is NOT_FOUND, never height 0 (weakness 65)", async () => {
      const head = { number: 5, peerId: "other", isProven: true };
      elsewhere.set("unknown", { head, isAvailable: true, isPublic: true });
      expect(await errorOf(ask("unknown"))).toMatchObject({ kind: "not-found" });
      expect((await sync(0, 0, 0, "unknown")).error).toMatchObject({ kind: "not-found" });
    });
  });

  describe("SyncDockets", () => {
    test("keeps to its bounds", async () => {
      expect((await sync(0, 3)).numbers).toEqual([0, 1, 2, 3]);
      expect((await sync(3, 6)).numbers).toEqual([4, 5, 6]);
      expect((await sync(3, 0, 2)).numbers).toEqual([4, 5]);
      expect(await sync(8)).toMatchObject({ numbers: [], error: null });
      expect((await sync(5, 2)).error).toMatchObject({ kind: "invalid" });
    });

    test("fills every field from the sealed document (weakness 13)", async () => {
      const [entry] = (await sync(4, 5)).entries;
      const docket = decodeDocket(entry?.docketData ?? new Uint8Array(0));
      if (!docket.ok) throw new Error(docket.refusal.message);
      expect(entry).toMatchObject({
        docketNumber: 5,
        docketHash: docket.value.docketHash,
        previousDocketHash: docket.value.previousHash,
        merkleRoot: docket.value.merkleRoot,
        transactionCount: 2,
        validatorSignature: docket.value.proposerSignature?.signatureValue as string,
        validatorId: "v1",
        sealedAt: { seconds: Date.parse(docket.value.createdAt) / 1000, nanos: 0 },
      });
    });

    test("ends with NOT_YET, not in silence, where there is more (weakness 63)", async () => {
      const beyond = await sync(6, 20);
      expect(beyond.numbers).toEqual([7, 8]);
      expect(refusalOf(beyond.error)).toEqual({ name: "NOT_YET", retryAfterMs: 1_000 });
      expect(refusalOf((await sync(9)).error)?.name).toBe("NOT_YET");
      const head = { number: 9, peerId: "ahead", isProven: true };
      elsewhere.set("r1", { head, isAvailable: true, isPublic: true });
      expect(refusalOf((await sync(8)).error)?.name).toBe("NOT_YET");
      expect((await sync(3, 0, 2)).error).toBeNull();
      elsewhere.set("r1", {
        head: { ...head, isProven: false },
        isAvailable: true,
        isPublic: true,
      });
      expect((await sync(8)).error).toBeNull();
      elsewhere.clear();
    });

    test("a docket that is missing is an error, not an early end (weakness 63)", async () => {
      const holed = new TestChain("holed").sealMany(6, 1);
      await keep(holed, 0, 6);
      await deleteDockets(sql(), { registerId: "holed", from: 3, to: 3 });
      hotCache()?.drop("holed");
      const { numbers, error } = await sync(0, 0, 0, "holed");
      expect(numbers).toEqual([0, 1, 2]);
      expect(error).toMatchObject({ code: "docket-gone" });
    });
  });
});
