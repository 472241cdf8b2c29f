import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { scanPage } from "../../src/dockets/bundle.ts";
import { startAt } from "../../src/dockets/join.ts";
import { verifyPage } from "../../src/dockets/verify.ts";
import { appendStart } from "../../src/registers/append-start.ts";
import { pruneSome } from "../../src/registers/prune.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import type { Draft, PullRangeRequest } from "../../src/wire/messages.ts";
import { replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { onEachStore } from "../support/database.ts";
import { closeRpcNode, followed, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

interface Frame {
  docketCount: number;
  headNumber: number;
  firstVersion: number;
}

onEachStore("Replication", () => {
  const chain = new TestChain("r1").sealMany(60, 3);
  let channel: Channel;

  beforeAll(async () => {
    const { address } = await openRpcNode();
    channel = openChannel({ address, nodeId: "asker" });
    await keep(chain, 0, 40);
  });
  afterAll(async () => {
    channel.close();
    await closeRpcNode();
  });

  async function pull(request: Draft<PullRangeRequest>): Promise<Uint8Array[]> {
    return Array.fromAsync(channel.stream(replication.pullRange, { registerId: "r1", ...request }));
  }

  describe("PullRange", () => {
    test("gives a full run that verifies, genesis included", async () => {
      const [frame] = await pull({ nextDocket: 0 });
      const checked = verifyPage({
        registerId: "r1",
        bytes: new Uint8Array(frame as Uint8Array),
        nextNumber: 0,
        policy: null,
        nowMs: Date.now(),
        verifyTransactions: "all",
        acceptUnsealed: false,
      });
      expect(checked.ok && checked.value.dockets.length).toBe(41);
    });

    test("begins at the docket asked for and knows its version", async () => {
      expect((await pull({ nextDocket: 39 })).map(look)).toEqual([
        { docketCount: 2, headNumber: 40, firstVersion: 1 + 38 * 3 + 1 },
      ]);
    });

    test("keeps to the count and to the bytes asked for", async () => {
      expect(total(await pull({ nextDocket: 5, docketCountMax: 7 }))).toBe(7);
      expect(total(await pull({ nextDocket: 5, bytesMax: 1 }))).toBe(1);
      const some = total(await pull({ nextDocket: 5, bytesMax: 20_000 }));
      expect(some).toBeGreaterThan(1);
      expect(some).toBeLessThan(36);
    });

    test("is one empty frame for who has everything", async () => {
      expect((await pull({ nextDocket: 41 })).map(look)).toEqual([
        { docketCount: 0, headNumber: 40, firstVersion: 0 },
      ]);
    });

    test("leaves bodies out, and all but the policy chain, when asked to", async () => {
      const headers = scan((await pull({ nextDocket: 1, headersOnly: true }))[0] as Uint8Array);
      expect(headers.bundles.length).toBe(40);
      expect(headers.bundles.every((one) => one.transactionOffsets.length === 0)).toBe(true);
      expect(total(await pull({ nextDocket: 0, controlOnly: true }))).toBe(1);
    });

    test("refuses by type what it can't give", async () => {
      expect(await refusal(pull({ nextDocket: 42 }))).toBe("NOT_YET");
      expect(await refusal(pull({ registerId: "unknown" }))).toBe("NOT_SUBSCRIBED");
      followed.set("expected", {
        syncState: "Subscribing",
        lastSyncAtMs: null,
        isPaused: false,
      });
      expect(await refusal(pull({ registerId: "expected" }))).toBe("NOT_YET");
    });

    test("refuses malformed requests by the field", async () => {
      const failed = await failureOf(pull({ registerId: "no spaces" }));
      expect(failed).toMatchObject({ kind: "invalid", code: "bad-field" });
      expect(failed.message).toContain("register_id");
      expect(await failureOf(pull({ nextDocket: -1 }))).toMatchObject({ kind: "invalid" });
    });
  });

  describe("Follow", () => {
    test("tells the head first, then the past, then each docket as it is stored", async () => {
      const frames = channel.stream(replication.follow, { registerId: "r1", nextDocket: 38 });
      expect(look(await take(frames))).toEqual({ docketCount: 0, headNumber: 40, firstVersion: 0 });
      expect(look(await take(frames)).docketCount).toBe(3);
      await keep(chain, 41, 41);
      expect(look(await take(frames))).toEqual({
        docketCount: 1,
        headNumber: 41,
        firstVersion: 1 + 40 * 3 + 1,
      });
      await keep(chain, 42, 44);
      expect(look(await take(frames))).toMatchObject({ docketCount: 3, headNumber: 44 });
      await frames.return?.();
    });

    test("loses and repeats no docket where the table ends and the feed begins", async () => {
      const race = new TestChain("race").sealMany(120, 1);
      await keep(race, 0, 20);
      const readers = Array.from({ length: 6 }, (_, reader) => follow("race", reader * 4, 120));
      for (let number = 21; number <= 120; number += 1 + (number % 3)) {
        await keep(race, number, Math.min(120, number + (number % 3)));
      }
      for (const [reader, numbers] of (await Promise.all(readers)).entries()) {
        const first = reader * 4;
        expect(numbers).toEqual(Array.from({ length: 121 - first }, (_, index) => first + index));
      }
    });

    test("lets a reader that fell behind read the table instead", async () => {
      const long = new TestChain("long").sealMany(400, 1);
      await keep(long, 0, 0);
      const frames = channel.stream(replication.follow, { registerId: "long", nextDocket: 0 });
      await take(frames);
      for (let number = 1; number <= 400; number++) await keep(long, number, number);
      let docketCount = 0;
      while (docketCount < 401) docketCount += look(await take(frames)).docketCount;
      expect(docketCount).toBe(401);
      await frames.return?.();
    });

    async function follow(registerId: string, next: number, last: number): Promise<number[]> {
      const numbers: number[] = [];
      const asked = { registerId, nextDocket: next };
      for await (const frame of channel.stream(replication.follow, asked)) {
        for (const bundle of scan(frame).bundles) {
          const from = bundle.offset + bundle.docketOffset;
          const document = Buffer.from(frame.subarray(from, from + bundle.docketLength)).toString();
          numbers.push((JSON.parse(document) as { docketNumber: number }).docketNumber);
        }
        if (numbers.at(-1) === last) break;
      }
      return numbers;
    }
  });

  test("A follower without the past gives what it has, and its policy chain", async () => {
    const light = new TestChain("light").sealMany(20, 2);
    const start = startAt(light.check(0, 0), light.check(15, 15));
    if (!start.ok) throw new Error(start.refusal.message);
    await appendStart(start.value, { firstVersion: 30 });
    await keep(light, 16, 18);
    expect(await refusal(pull({ registerId: "light", nextDocket: 3 }))).toBe("PRUNED");
    expect(total(await pull({ registerId: "light", nextDocket: 15 }))).toBe(4);
    const chainOnly = await pull({ registerId: "light", nextDocket: 0, controlOnly: true });
    expect(total(chainOnly)).toBe(1);
  });

  test("A docket that is let go of in the middle of a stream is PRUNED, and no fault", async () => {
    // More than is sent ahead of who reads it.
    const large = new TestChain("pruned");
    const text = "x".repeat(400_000);
    for (let number = 1; number <= 80; number += 1) {
      large.seal([`{"text":"${text}"}`]);
      await keep(large, number === 1 ? 0 : number, number);
    }
    const frames = channel.stream(replication.pullRange, { registerId: "pruned", nextDocket: 0 });
    const first = await frames.next();
    expect(look(first.value as Uint8Array).docketCount).toBeGreaterThan(0);
    const bounds = { keepDockets: 1, beforeMs: null, mayGo: () => true };
    while ((await pruneSome("pruned", bounds)) > 0) {}
    expect(await refusal(Array.fromAsync(frames))).toBe("PRUNED");
  });

  test("Heads shows the newest sealed docket at once, and each that comes", async () => {
    const fresh = new TestChain("fresh").sealMany(3, 1);
    await keep(fresh, 0, 2);
    const heads = channel.stream(replication.heads, { registerIds: ["fresh", "unknown"] });
    for (const number of [2, 3]) {
      const { value: head } = await heads.next();
      expect(head).toMatchObject({ registerId: "fresh", number });
      expect(Buffer.from(head?.docketData ?? [])).toEqual(
        Buffer.from(fresh.bundles[number]?.docketData ?? []),
      );
      if (number === 2) await keep(fresh, 3, 3);
    }
    await heads.return?.();
  });
});

function scan(frame: Uint8Array) {
  const scanned = scanPage(frame);
  if (!scanned.ok) throw new Error(scanned.refusal.message);
  return scanned.value;
}

function look(frame: Uint8Array): Frame {
  const { bundles, headNumber, firstVersion } = scan(frame);
  return { docketCount: bundles.length, headNumber, firstVersion };
}

function total(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, frame) => sum + look(frame).docketCount, 0);
}

async function take(frames: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const { value } = await frames.next();
  return value;
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => new Error("did not fail"),
    (error: Error) => error,
  );
}

async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  return refusalOf(await failureOf(work))?.name;
}
