import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sha256Hex } from "../../src/dockets/hash.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { type LiveTransactionEvent, liveEventType } from "../../src/wire/messages.ts";
import { registerSync } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { onEachStore } from "../support/database.ts";
import { closeRpcNode, followed, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

const deadlineMs = 10_000;

onEachStore("the Sorcha-compatible services", () => {
  const chain = new TestChain("r1").sealMany(10, 2).seal(['{"x":"ü"}'], { type: "Participant" });
  let channel: Channel;

  beforeAll(async () => {
    const { address } = await openRpcNode();
    channel = openChannel({ address });
    await keep(chain, 0, 8);
    followed.set("awaited", { syncState: "Syncing", lastSyncAtMs: null, isPaused: false });
  });
  afterAll(async () => {
    channel.close();
    await closeRpcNode();
  });

  describe("RegisterSync", () => {
    test("PullDocketChain counts from 0 with docket 0, else after the number", async () => {
      const numbers = async (fromVersion: number, maxDockets = 0) =>
        (await chainFrom(fromVersion, maxDockets)).map((entry) => entry.version);
      expect(await numbers(0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect(await numbers(0, 2)).toEqual([0, 1]);
      expect(await numbers(6)).toEqual([7, 8]);
      expect(await numbers(8)).toEqual([]);
      expect(await numbers(1_000)).toEqual([]);
    });

    test("PullDocketChain gives documents as they were sealed, with what is in them", async () => {
      const [entry] = await chainFrom(3, 1);
      expect(Buffer.from(entry?.docketData ?? [])).toEqual(
        Buffer.from(chain.bundles[4]?.docketData ?? []),
      );
      const docket = JSON.parse(Buffer.from(entry?.docketData ?? []).toString());
      expect(entry).toMatchObject({
        registerId: "r1",
        previousHash: docket.previousHash,
        docketHash: docket.docketHash,
        transactionIds: chain.transactionIds[4] as string[],
        createdAt: Date.parse(docket.createdAt),
      });
    });

    test("PullDocketTransactions gives bodies byte for byte in the order asked for", async () => {
      const ids = chain.transactionIds.slice(0, 9).flat().reverse();
      const entries = await bodies(ids);
      expect(entries.map((entry) => entry.transactionId)).toEqual(ids);
      const sealed = chain.bundles.slice(0, 9).flatMap((bundle) => bundle.transactionData);
      expect(entries.map((entry) => Buffer.from(entry.transactionData).toString())).toEqual(
        sealed.map((data) => Buffer.from(data).toString()).reverse(),
      );
      for (const entry of entries) expect(entry.checksum).toBe(sha256Hex(entry.transactionData));
    });

    test("PullDocketTransactions names what is missing instead of leaving a hole", async () => {
      const known = chain.transactionIds[1]?.[0] as string;
      const failed = await failureOf(bodies([known, "nowhere"]));
      expect(failed).toMatchObject({ kind: "not-found", code: "unknown-transaction" });
      expect(failed.message).toContain("nowhere");
    });

    test("PullDocketTransactions takes 10,000 ids and no more", async () => {
      const known = chain.transactionIds[1]?.[0] as string;
      expect((await bodies(Array(10_000).fill(known))).length).toBe(10_000);
      expect(await failureOf(bodies(Array(10_001).fill(known)))).toMatchObject({
        kind: "exhausted",
      });
    }, 30_000);

    test("SubscribeToRegister pushes what is sealed from now on, then its docket", async () => {
      const events = listen(0);
      const first = events.next();
      // The answer to this question comes after the subscription stands.
      await status("r1");
      await keep(chain, 9, 9);
      expect((await first).value).toMatchObject({
        transactionId: chain.transactionIds[9]?.[0] as string,
        version: 1 + 8 * 2 + 1,
        eventType: liveEventType.transaction,
        senderPeerId: "served",
      });
      expect((await events.next()).value).toMatchObject({ eventType: liveEventType.transaction });
      expect((await events.next()).value).toMatchObject({
        version: 9,
        eventType: liveEventType.docket,
      });
      await events.return?.();
    });

    test("SubscribeToRegister begins inside a docket when the version says so", async () => {
      const events = listen(6);
      const seen: [number, number][] = [];
      for await (const event of events) {
        seen.push([event.eventType, event.version]);
        if (seen.length === 4) break;
      }
      expect(seen).toEqual([
        [liveEventType.transaction, 7],
        [liveEventType.docket, 3],
        [liveEventType.transaction, 8],
        [liveEventType.transaction, 9],
      ]);
    });

    test("SubscribeToRegister filters by type and by party, and never dockets", async () => {
      const typed = listen(1, { transactionTypes: ["Participant"] });
      const party = listen(1, { participantIds: ["nobody"] });
      const own = listen(1, { participantIds: ["tester"] });
      await keep(chain, 10, 11);
      expect(await until(typed, 11)).toMatchObject({ transactions: 1, dockets: 11 });
      expect(await until(party, 11)).toMatchObject({ transactions: 0, dockets: 11 });
      expect(await until(own, 11)).toMatchObject({ transactions: 21, dockets: 11 });
    });

    test("SubscribeToRegister refuses a version of the future", async () => {
      expect(refusalOf(await failureOf(listen(999).next()))?.name).toBe("NOT_YET");
    });

    test("GetRegisterSyncStatus tells what is held", async () => {
      expect(await status("r1")).toMatchObject({
        syncState: 3,
        latestDocketVersion: 11,
        latestVersion: 22,
        totalDockets: 12,
        totalTransactions: 22,
        canServeFullReplica: true,
      });
      expect(await status("awaited")).toMatchObject({
        syncState: 2,
        totalDockets: 0,
        canServeFullReplica: false,
      });
      expect(await failureOf(status("unknown"))).toMatchObject({ kind: "not-found" });
    });
  });

  function chainFrom(fromVersion: number, maxDockets: number) {
    const request = { registerId: "r1", fromVersion, maxDockets };
    return Array.fromAsync(channel.stream(registerSync.pullDocketChain, request));
  }

  function bodies(transactionIds: string[]) {
    const request = { registerId: "r1", transactionIds };
    return Array.fromAsync(channel.stream(registerSync.pullDocketTransactions, request));
  }

  function listen(
    fromVersion: number,
    filters: { transactionTypes?: string[]; participantIds?: string[] } | null = null,
  ) {
    const request = { registerId: "r1", peerId: "dotnet", fromVersion, filters };
    return channel.stream(registerSync.subscribeToRegister, request as { registerId: string });
  }

  function status(registerId: string) {
    return channel.unary(registerSync.getRegisterSyncStatus, { registerId }, { deadlineMs });
  }
});

async function until(
  events: AsyncIterable<LiveTransactionEvent>,
  docket: number,
): Promise<{ transactions: number; dockets: number }> {
  const seen = { transactions: 0, dockets: 0 };
  for await (const event of events) {
    if (event.eventType === liveEventType.transaction) seen.transactions++;
    else seen.dockets++;
    if (event.eventType === liveEventType.docket && event.version === docket) break;
  }
  return seen;
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => new Error("did not fail"),
    (error: Error) => error,
  );
}
