import { afterAll, beforeAll, expect, test } from "bun:test";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { Book } from "../../src/peers/book.ts";
import { heartbeatHandlers } from "../../src/rpc/heartbeat.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { heartbeat } from "../../src/wire/services.ts";
import { SimClock } from "../sim/sim-clock.ts";

const clock = new SimClock();
const book = new Book({ ownId: "us", nowMs: clock.nowMs, isGenuine: () => true });
const facts = { protocols: [], adverts: [], publicKey: null, seq: 0, signature: null };
let address = "";

beforeAll(async () => {
  const record = { ...facts, peerId: "bob", host: "10.0.0.2", port: 5001, lastSeenMs: 0 };
  book.learn(record, "itself");
  const options = {
    nodeId: "us",
    book,
    localAdverts: () => [],
    metrics: () => ({ uptimeSeconds: 7 }),
    nowMs: clock.nowMs,
    monotonicMs: clock.monotonicMs,
    wake: () => {},
    beatSoon: () => {},
    showedItself: () => {},
    provesPeers: false,
  };
  const handlers = heartbeatHandlers(() => options, { clock });
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers,
    showDetails: false,
    isServing: () => true,
  });
  address = `127.0.0.1:${port}`;
});
afterAll(() => rpc.close());

function converse() {
  const method = heartbeat.streamHeartbeat;
  const client = new Client(address, credentials.createInsecure());
  const call = client.makeBidiStreamRequest(
    method.path,
    (request: object) => Buffer.from(method.request.encode(request)),
    (bytes: Buffer) => method.response.decode(bytes),
    new Metadata(),
  );
  const ended = new Promise<string>((resolve) => {
    call.on("error", (error) => resolve(error.message));
    call.on("end", () => resolve("ended"));
  });
  const answer = () => new Promise((resolve) => call.once("data", resolve));
  return { call, ended, answer, close: () => client.close() };
}

test("StreamHeartbeat answers each heartbeat with metrics, and ends when the caller does", async () => {
  const { call, ended, answer, close } = converse();
  for (const sequenceNumber of [1, 2]) {
    const answered = answer();
    call.write({ peerId: "bob", sequenceNumber });
    expect(await answered).toMatchObject({ success: true, metrics: { uptimeSeconds: 7 } });
  }
  call.end();
  expect(await ended).toBe("ended");
  close();
});

test("StreamHeartbeat ends where nothing is said, or for two nodes at once (weakness 61)", async () => {
  const quiet = converse();
  const answered = quiet.answer();
  quiet.call.write({ peerId: "bob" });
  await answered;
  await clock.pass(limits.quietHeartbeatMs + 1);
  expect(await quiet.ended).toContain("No heartbeat came");
  const two = converse();
  const first = two.answer();
  two.call.write({ peerId: "bob" });
  await first;
  two.call.write({ peerId: "alice" });
  expect(await two.ended).toContain("speaks for one node");
  for (const one of [quiet, two]) one.close();
});

test("StreamHeartbeat gives a host no more beats in one conversation than in single calls (weakness 61)", async () => {
  const { call, ended, close } = converse();
  let answered = 0;
  call.on("data", () => {
    answered += 1;
  });
  for (let beat = 0; beat < limits.heartbeats.burst * 2; beat += 1) call.write({ peerId: "bob" });
  expect(await ended).toContain("This host beats too often");
  expect(answered).toBeLessThanOrEqual(limits.heartbeats.burst);
  const again = converse();
  again.call.write({ peerId: "bob" });
  expect(await again.ended).toContain("This host beats too often");
  await clock.pass(1_000);
  const later = converse();
  const answer = later.answer();
  later.call.write({ peerId: "bob" });
  expect(await answer).toMatchObject({ success: true });
  for (const one of [{ close }, again, later]) one.close();
});
