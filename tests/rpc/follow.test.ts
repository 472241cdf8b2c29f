import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { scanPage } from "../../src/dockets/bundle.ts";
import { decodeDocket, decodeTransaction } from "../../src/dockets/decode.ts";
import { cacheFigures } from "../../src/registers/hot-cache.ts";
import { purgeRegister, whenPurged } from "../../src/registers/purge.ts";
import { followFrom } from "../../src/rpc/replication.ts";
import { SharedFrames } from "../../src/rpc/shared-frames.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import type { Draft, FollowRequest } from "../../src/wire/messages.ts";
import { replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { onEachStore } from "../support/database.ts";
import { errorOf } from "../support/error-of.ts";
import { closeRpcNode, followed, keep, openRpcNode } from "../support/rpc-node.ts";
import { TestChain } from "../support/test-chain.ts";

interface Told {
  number: number;
  hash: string;
  /** Of the document, and of the bodies that came with it. */
  listed: string[];
  bodies: string[];
}

onEachStore("Follow", () => {
  const channels: Channel[] = [];
  let address = "";

  beforeAll(async () => {
    ({ address } = await openRpcNode());
  });
  afterAll(async () => {
    for (const channel of channels) channel.close();
    await closeRpcNode();
  });

  function open(): Channel {
    const channel = openChannel({ address, nodeId: `asker-${channels.length}` });
    channels.push(channel);
    return channel;
  }

  function follow(request: Draft<FollowRequest>, channel = open()) {
    return channel.stream(replication.follow, request);
  }

  describe("with filters (weakness 45: filters that were taken and ignored)", () => {
    const chain = new TestChain("filtered")
      .seal(["1", "2"], { type: "Action", sender: "ann", recipients: ["bob"] })
      .seal(["3"], { type: "Participant", sender: "bob" })
      .seal(["4"], { type: "Action", sender: "cy", recipients: ["ann", "dee"] })
      .seal(["5"], { type: "Action", sender: "dee" });

    beforeAll(() => keep(chain, 0, 3));

    async function told(filters: Draft<FollowRequest>, next = 0): Promise<Told[]> {
      const frames = follow({ registerId: "filtered", nextDocket: next, ...filters });
      return readUntil(frames, 3);
    }

    const counts = (dockets: Told[]) => dockets.map((docket) => docket.bodies.length);

    test("gives every docket, whole as to its document, with the bodies that match", async () => {
      const dockets = await told({ transactionTypes: ["Participant"] });
      expect(dockets.map((docket) => docket.number)).toEqual([0, 1, 2, 3]);
      expect(dockets.map((docket) => docket.listed)).toEqual(chain.transactionIds.slice(0, 4));
      expect(counts(dockets)).toEqual([1, 0, 1, 0]);
    });

    test("takes senders and recipients as parties, and both filters together", async () => {
      expect(counts(await told({ participantIds: ["ann"] }))).toEqual([1, 2, 0, 1]);
      expect(counts(await told({ participantIds: ["bob", "dee"] }))).toEqual([1, 2, 1, 1]);
      const both = { transactionTypes: ["Action"], participantIds: ["bob"] };
      expect(counts(await told(both))).toEqual([1, 2, 0, 0]);
      expect(counts(await told({ participantIds: ["nobody"] }))).toEqual([1, 0, 0, 0]);
    });

    test("bodies stay in docket order, and each is one that its docket lists", async () => {
      for (const { listed, bodies } of await told({ participantIds: ["ann"] })) {
        expect(listed.filter((id) => bodies.includes(id))).toEqual(bodies);
      }
    });

    test("is resumed by docket number and filters what is sealed from then on", async () => {
      const frames = follow({
        registerId: "filtered",
        nextDocket: 3,
        participantIds: ["dee"],
      });
      expect(counts(await readUntil(frames, 3))).toEqual([1]);
      await keep(chain, 4, 4);
      const after = await readUntil(
        follow({ registerId: "filtered", nextDocket: 4, participantIds: ["ann"] }),
        4,
      );
      expect(after.map((docket) => [docket.number, docket.bodies.length])).toEqual([[4, 0]]);
    });
  });

  test("2,000 followers of one register share its bytes and each frame's encoding", async () => {
    const chain = new TestChain("crowd").sealMany(12, 4);
    const bytesBefore = cacheFigures().bytes;
    await keep(chain, 0, 2);
    const frames = new SharedFrames();
    const stopping = new AbortController();
    const asked = { registerId: "crowd", nextDocket: 0, transactionTypes: [], participantIds: [] };
    const options = { nodeId: "served", subscriptionOf: () => null, frames };
    const seen: Uint8Array[][] = [];
    const followers = Array.from({ length: 2_000 }, async (_, index) => {
      const given: Uint8Array[] = [];
      seen[index] = given;
      const caller = { provenId: null, signal: stopping.signal };
      for await (const frame of followFrom(asked, caller, options)) {
        if (docketsOf(frame).length > 0) given.push(frame);
        if (docketsOf(frame).at(-1)?.number === 12) break;
      }
    });
    const real = Array.from({ length: 40 }, () =>
      readUntil(follow({ registerId: "crowd", nextDocket: 0 }, channels[0] ?? open()), 12),
    );
    await settle();
    const encodedBefore = frames.encoded;
    for (let number = 3; number <= 12; number++) {
      await keep(chain, number, number);
      await settle();
    }
    await Promise.all(followers);
    expect(frames.encoded - encodedBefore).toBe(10);
    for (const given of seen) {
      expect(given.flatMap(docketsOf).map((docket) => docket.number)).toEqual(upTo(12));
      expect(given.at(-1)).toBe(seen[0]?.at(-1) as Uint8Array);
    }
    for (const dockets of await Promise.all(real)) {
      expect(dockets.map((docket) => docket.number)).toEqual(upTo(12));
    }
    const once = chain.bundles.reduce((sum, one) => sum + bytesOf(one), 0);
    // With their framing, and what each docket hangs on.
    expect(cacheFigures().bytes - bytesBefore).toBeLessThan(once + 13 * 1_024);
    stopping.abort();
  }, 60_000);

  test("a reader that stands still takes nothing from another, and goes on later", async () => {
    const big = "x".repeat(700_000);
    const chain = new TestChain("wide").sealMany(0);
    for (let docket = 0; docket < 30; docket++) chain.seal([JSON.stringify({ big, docket })]);
    await keep(chain, 0, 0);
    const still = follow({ registerId: "wide", nextDocket: 0 });
    const quick = follow({ registerId: "wide", nextDocket: 0 });
    await still.next();
    expect((await readUntil(quick, 0, { isKept: true })).length).toBe(1);
    for (let number = 1; number <= 30; number++) {
      await keep(chain, number, number);
      // Here before the next is sealed, although the other has not moved since docket 0.
      const [docket] = await readUntil(quick, number, { isKept: true });
      expect(docket?.number).toBe(number);
    }
    await quick.return?.();
    expect((await readUntil(still, 30)).map((docket) => docket.number)).toEqual(upTo(30));
  }, 60_000);

  test("ends when the register is purged, with a refusal (weakness 41)", async () => {
    const chain = new TestChain("gone").sealMany(2, 1);
    await keep(chain, 0, 1);
    const frames = follow({ registerId: "gone", nextDocket: 0 });
    await readUntil(frames, 1, { isKept: true });
    await purgeRegister("gone");
    expect(refusalOf(await errorOf(frames.next()))?.name).toBe("NOT_SUBSCRIBED");
    followed.set("gone", { syncState: "Subscribing", lastSyncAtMs: null, isPaused: false });
    const early = await errorOf(follow({ registerId: "gone", nextDocket: 0 }).next());
    expect(refusalOf(early)?.name).toBe("NOT_YET");
    await whenPurged("gone");
    const other = new TestChain("gone", { seed: 2 }).sealMany(2, 1);
    await keep(other, 0, 1);
    const [, first] = await readUntil(follow({ registerId: "gone", nextDocket: 0 }), 1);
    expect(first?.listed).toEqual(other.transactionIds[1] as string[]);
  });
});

async function readUntil(
  frames: AsyncIterableIterator<Uint8Array>,
  last: number,
  options: { isKept?: boolean } = {},
): Promise<Told[]> {
  const dockets: Told[] = [];
  while (dockets.at(-1)?.number !== last) {
    const { done, value } = await frames.next();
    if (done) throw new Error("The stream ended");
    dockets.push(...docketsOf(value));
  }
  if (!options.isKept) await frames.return?.();
  return dockets;
}

function docketsOf(frame: Uint8Array): Told[] {
  const scanned = scanPage(frame);
  if (!scanned.ok) throw new Error(scanned.refusal.message);
  return scanned.value.bundles.map((bundle) => {
    const part = (offset: number, length: number) =>
      frame.subarray(bundle.offset + offset, bundle.offset + offset + length);
    const docket = decodeDocket(part(bundle.docketOffset, bundle.docketLength));
    if (!docket.ok) throw new Error(docket.refusal.message);
    return {
      number: docket.value.docketNumber,
      hash: docket.value.docketHash,
      listed: docket.value.transactions.map((leaf) => leaf.transactionId),
      bodies: bundle.transactionOffsets.map((offset, index) => {
        const body = decodeTransaction(part(offset, bundle.transactionLengths[index] as number));
        if (!body.ok) throw new Error(body.refusal.message);
        return body.value.transactionId;
      }),
    };
  });
}

function bytesOf(bundle: { docketData: Uint8Array; transactionData: Uint8Array[] }): number {
  return bundle.transactionData.reduce((sum, one) => sum + one.length, bundle.docketData.length);
}

function upTo(last: number): number[] {
  return Array.from({ length: last + 1 }, (_, number) => number);
}

/** Everything that could go on has gone on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
