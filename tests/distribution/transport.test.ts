/** Bodies over real gRPC, from a peer that serves as a test wants it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { PeerError } from "../../src/base/error.ts";
import { fetchBody, type Parts, tellPeer } from "../../src/distribution/transport.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import type { TransactionChunk, TransactionRequest } from "../../src/wire/distribution-messages.ts";
import type { Draft } from "../../src/wire/messages.ts";
import { gzip, pack, unpack } from "../../src/wire/packing.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { distribution } from "../../src/wire/services.ts";
import { errorOf } from "../support/error-of.ts";

const size = limits.transactionChunkBytes;
const asked: TransactionRequest[] = [];
const heard: number[] = [];
let chunks: (request: TransactionRequest) => Iterable<Draft<TransactionChunk>> = () => [];
let body: Uint8Array | null = null;
let channel: Channel;

beforeAll(async () => {
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: [
      answer(distribution.notifyTransaction, ({ more }) => {
        heard.push(1 + more.length);
        return { alreadyKnown: heard.length > 1, willRequest: heard.length === 1 };
      }),
      answer(distribution.getTransaction, (request) => {
        asked.push(request);
        if (body === null) return { found: false };
        const { data: transactionData, encoding } = pack(body, request.acceptEncoding);
        return { found: true, transactionData, encoding };
      }),
      answerStream(distribution.streamTransaction, async function* (request) {
        asked.push(request);
        yield* chunks(request);
      }),
    ],
    showDetails: false,
    isServing: () => true,
  });
  channel = openChannel({ address: `127.0.0.1:${port}`, nodeId: "asker" });
});

afterAll(async () => {
  channel.close();
  await rpc.close();
});

beforeEach(() => {
  asked.length = 0;
  heard.length = 0;
});

const speaker = { nodeId: "asker", nowMs: () => 0 };

function get(bytes: number, parts: Parts = { chunks: [], totalChunks: 0 }) {
  const { signal } = new AbortController();
  const wanted = { registerId: "r", transactionId: "t", bytes };
  return fetchBody(channel, wanted, { ...speaker, signal, parts });
}

const whole = randomBytes(3 * size + 5);
const chunkAt = (chunkIndex: number): Draft<TransactionChunk> => ({
  chunkIndex,
  totalChunks: 4,
  chunkData: whole.subarray(chunkIndex * size, (chunkIndex + 1) * size),
});
const large = limits.streamedTransactionBytes + 1;

test("a body comes in one answer, compressed where that saves something", async () => {
  body = new Uint8Array(100_000).fill(65);
  expect(await get(100)).toEqual(body);
  expect(asked[0]?.acceptEncoding).toBe(gzip);
  expect(pack(body, gzip).data.byteLength).toBeLessThan(2_000);
  expect(pack(body, "").encoding).toBe("");
  expect(pack(body.subarray(0, 1_024), gzip).encoding).toBe("");
  body = new Uint8Array(0);
  expect((await get(0))?.byteLength).toBe(0);
  body = null;
  expect(await get(100)).toBeNull();
});

test("what unpacks to more than a transaction may have is refused, as are unknown packings", () => {
  const bomb = pack(new Uint8Array(limits.transactionBytes + 1), gzip);
  expect(() => unpack(bomb, limits.transactionBytes)).toThrow("don't unpack");
  expect(() => unpack({ data: new Uint8Array(2), encoding: "br" }, 10)).toThrow("are br");
});

test("a large body is streamed, and goes on behind what came when it broke off", async () => {
  chunks = function* () {
    yield chunkAt(0);
    yield chunkAt(1);
    throw new PeerError("unavailable", "busy", { message: "Gone" });
  };
  const parts: Parts = { chunks: [], totalChunks: 0 };
  await errorOf(get(large, parts));
  expect(parts.chunks.length).toBe(2);
  chunks = ({ fromChunk }) => [0, 1, 2, 3].slice(fromChunk).map(chunkAt);
  const got = await get(large, parts);
  expect(Buffer.from(got ?? []).equals(whole)).toBe(true);
  expect(asked.map(({ fromChunk }) => fromChunk)).toEqual([0, 2]);
});

test("a peer of the older contract begins anew, and the body is whole all the same", async () => {
  chunks = () => [0, 1, 2, 3].map(chunkAt);
  const parts: Parts = { chunks: [new Uint8Array(size), new Uint8Array(size)], totalChunks: 4 };
  expect(Buffer.from((await get(large, parts)) ?? []).equals(whole)).toBe(true);
});

test("chunks in the wrong order, too many, too large or too few are refused", async () => {
  const codeOf = async (given: Draft<TransactionChunk>[]) => {
    chunks = () => given;
    return ((await errorOf(get(large))) as PeerError).code;
  };
  expect(await codeOf([chunkAt(0), chunkAt(2)])).toBe("bad-answer");
  expect(await codeOf([chunkAt(0), chunkAt(0)])).toBe("bad-answer");
  expect(await codeOf([{ ...chunkAt(0), totalChunks: 161 }])).toBe("bad-answer");
  expect(await codeOf([chunkAt(0), { ...chunkAt(1), totalChunks: 5 }])).toBe("bad-answer");
  expect(await codeOf([{ ...chunkAt(0), chunkData: new Uint8Array(size + 1) }])).toBe("bad-answer");
  expect(await codeOf([chunkAt(0), chunkAt(1)])).toBe("cut-short");
  expect(await codeOf([])).toBe("cut-short");
});

test("a peer that reads batches is told at once, an older one by one (weakness 34)", async () => {
  const items = ["x", "y", "z"].map((transactionId) => ({ transactionId, bytes: 1 }));
  const told = { registerId: "r", items, isLazy: false };
  const first = await tellPeer(channel, told, { ...speaker, readsBatches: true });
  expect([heard, first]).toEqual([[3], { alreadyKnown: false, willRequest: true }]);
  heard.length = 0;
  const second = await tellPeer(channel, told, { ...speaker, readsBatches: false });
  expect([heard, second]).toEqual([[1, 1, 1], { alreadyKnown: false, willRequest: true }]);
});
