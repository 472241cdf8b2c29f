/**
 * Whatever comes in at a node's two doors: bytes that mean nothing, messages whose fields hold
 * anything, requests of any shape. Each gets an answer that is nobody's crash and nobody's defect,
 * and afterwards the node is as before: ready, no more open files, and a log of bounded length.
 * `SEED` repeats a run.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Client, type ClientReadableStream, credentials, Metadata, status } from "@grpc/grpc-js";
import fc from "fast-check";
import protobuf from "protobufjs";
import { endpoints } from "../../src/rest/contract.ts";
import * as services from "../../src/wire/services.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";
import { seedOfRun } from "../support/records.ts";

const seed = seedOfRun("what comes in at the doors");
/** Calls of each kind; the nightly run asks for more. */
const runs = Number(process.env.FUZZ_RUNS ?? 150);
/** Lines that a flood may cost: a stranger's calls are told once a minute and reason. */
const linesMax = 100;

const cluster = new Cluster("embedded", { keep: true });
let node: TestNode;
let registerId = "";

beforeAll(async () => {
  node = await cluster.start("door");
  const file = await cluster.write("door.ndjson", '{"a":1}\n{"a":2}\n');
  registerId = (await node.import(file, "door")).registerId;
}, 60_000);

const methods = [
  services.discovery,
  services.heartbeat,
  services.registerSync,
  services.docketSync,
  services.replication,
]
  .flatMap((service) => Object.values(service))
  .map(({ path, requestStream, responseStream }) => ({ path, requestStream, responseStream }));

/** Fields as protobuf writes them: some with the register's real id, most with anything. */
const fieldsArbitrary = fc.array(
  fc.record({
    number: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 2 ** 29 - 1 })),
    value: fc.oneof(
      fc.maxSafeNat(),
      fc.string({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.constant("the register"),
      fc.double(),
    ),
  }),
  { maxLength: 12 },
);

describe("A node's door", () => {
  test("for peers answers any bytes and any fields with a status", async () => {
    const before = measured();
    const client = new Client(node.grpcAddress, credentials.createInsecure());
    const method = fc.constantFrom(...methods);
    const noise = fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fieldsArbitrary.map(encoded));
    await fc.assert(
      fc.asyncProperty(method, noise, async (called, bytes) => {
        const code = await callOnce(client, called, bytes);
        expect([status.INTERNAL, status.UNKNOWN, status.DATA_LOSS]).not.toContain(code);
      }),
      { seed, numRuns: runs * 2 },
    );
    client.close();
    await expectUnharmed(before);
  });

  test("for operators answers any request with a coded refusal, or rightly", async () => {
    const before = measured();
    const endpoint = fc.constantFrom(...Object.values(endpoints));
    const text = fc.oneof(fc.string({ maxLength: 300 }), fc.constant(registerId));
    const body = fc.oneof(fc.json(), text, fc.constant(`{"data":${"[".repeat(5_000)}`));
    const token = fc.oneof(
      fc.constant(""),
      fc.constant("Bearer x.y.z"),
      fc.stringMatching(/^[0-9a-f]{1,40}$/),
    );
    await fc.assert(
      fc.asyncProperty(endpoint, text, body, token, async (asked, word, sent, authorization) => {
        const path = asked.path.replace(/\{\w+\}/g, encodeURIComponent(word || "x"));
        const query = `?from=${encodeURIComponent(word)}&limit=${encodeURIComponent(sent)}`;
        const answer = await fetch(node.httpUrl + path + query.slice(0, 2_000), {
          method: asked.method,
          headers: authorization === "" ? {} : { authorization },
          signal: AbortSignal.timeout(5_000),
          ...(asked.method === "GET" ? {} : { body: sent }),
        });
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) {
          expect(await answer.json()).toMatchObject({ code: expect.any(String) });
        } else await answer.body?.cancel();
      }),
      { seed, numRuns: runs },
    );
    await expectUnharmed(before);
  });

  test("lets 1,000 junk peers and 1,000 junk registers in only as far as it has room", async () => {
    const before = measured();
    const client = new Client(node.grpcAddress, credentials.createInsecure());
    const junkPeers = Array.from({ length: 1_000 }, (_, index) => ({
      peerId: `junk-${index}`,
      address: `203.0.${index >> 8}.${index & 255}`,
      port: 5_001,
    }));
    const advertisedRegisters = Array.from({ length: 2_000 }, (_, index) => ({
      registerId: `junk-register-${index}`,
      latestVersion: 9,
      isPublic: true,
    }));
    const { exchangePeers, registerPeer } = services.discovery;
    const peerInfo = { peerId: "junk", address: "127.0.0.1", port: 1, advertisedRegisters };
    await callOnce(client, registerPeer, registerPeer.request.encode({ peerInfo }));
    for (let from = 0; from < junkPeers.length; from += 50) {
      const knownPeers = junkPeers.slice(from, from + 50);
      const asked = exchangePeers.request.encode({ peerId: "junk", knownPeers });
      await callOnce(client, exchangePeers, asked);
    }
    const known = await node.get<{ peerId: string }[]>("/api/peers");
    expect(known.length).toBeLessThan(junkPeers.length / 2);
    const available = await node.get<unknown[]>("/api/registers/available");
    expect(available.length).toBeLessThanOrEqual(1_001);
    // Whoever says that it is this node is refused, and this node stays itself.
    const claim = { peerInfo: { peerId: "door", address: "127.0.0.1", port: 2 } };
    await callOnce(client, registerPeer, registerPeer.request.encode(claim));
    const now = await node.get<{ peerId: string }[]>("/api/peers");
    expect(now.filter((peer) => peer.peerId === "door")).toEqual([]);
    client.close();
    await expectUnharmed(before);
  });
});

/** The status of one call; streams are read to their end, or cut after a moment. */
function callOnce(
  client: Client,
  called: { path: string; requestStream: boolean; responseStream: boolean },
  bytes: Uint8Array,
): Promise<number> {
  const same = (buffer: Buffer) => buffer;
  const sent = Buffer.from(bytes);
  const options = { deadline: Date.now() + (called.responseStream ? 300 : 5_000) };
  const { path } = called;
  return new Promise((resolve) => {
    const end = (error: { code?: number } | null) => resolve(error?.code ?? status.OK);
    if (!called.requestStream && !called.responseStream) {
      client.makeUnaryRequest(path, same, same, sent, new Metadata(), options, end);
      return;
    }
    const metadata = new Metadata();
    const listen = (call: ClientReadableStream<Buffer>) => {
      call.on("data", () => undefined).on("error", () => undefined);
      call.on("status", ({ code }: { code: number }) => resolve(code));
    };
    if (!called.requestStream) {
      listen(client.makeServerStreamRequest(path, same, same, sent, metadata, options));
      return;
    }
    const call = client.makeBidiStreamRequest(path, same, same, metadata, options);
    listen(call);
    call.write(sent);
    call.end();
  });
}

function encoded(fields: { number: number; value: unknown }[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const { number, value } of fields) {
    if (value instanceof Uint8Array) writer.uint32(number * 8 + 2).bytes(value);
    else if (value === "the register") writer.uint32(number * 8 + 2).string(registerId);
    else if (typeof value === "string") writer.uint32(number * 8 + 2).string(value);
    else if (Number.isSafeInteger(value)) writer.uint32(number * 8).int64(value as number);
    else writer.uint32(number * 8 + 1).double(value as number);
  }
  return writer.finish();
}

function measured(): { files: number; lines: number } {
  return { files: openFiles(), lines: node.log().length };
}

function openFiles(): number {
  return readdirSync(`/proc/${node.pid}/fd`).length;
}

async function expectUnharmed(before: { files: number; lines: number }): Promise<void> {
  expect((await fetch(`${node.httpUrl}/readyz`)).status).toBe(200);
  // Connections that were kept open for the next request are a handful.
  await until(async () => openFiles() <= before.files + 20, "the node to close what it opened");
  const said = node.log().slice(before.lines);
  expect(said.filter((line) => line.level === "error")).toEqual([]);
  expect(said.length).toBeLessThan(linesMax);
  expect((await node.register(registerId))?.height).toBe(2);
}
