import { afterEach, expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { openChannel } from "../../src/wire/client.ts";
import { servingStatus } from "../../src/wire/messages.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { discovery, health, replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";

afterEach(() => rpc.close());

const deadlineMs = 10_000;
let isServing = true;

const handlers = [
  answer(discovery.ping, async (request, caller) => {
    if (request.peerId === "slow") await Bun.sleep(300);
    return { peerId: caller.address };
  }),
  answerStream(replication.follow, async function* (request, caller) {
    if (request.registerId === "flood") for (;;) yield new Uint8Array(1024 * 1024);
    yield new Uint8Array(1);
    await new Promise<void>((resolve) => caller.signal.addEventListener("abort", () => resolve()));
  }),
];

async function open(options: Partial<rpc.RpcServerOptions> = {}): Promise<string> {
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers,
    showDetails: false,
    isServing: () => isServing,
    ...options,
  });
  return `127.0.0.1:${port}`;
}

async function failureOf(work: Promise<unknown>): Promise<PeerError> {
  return work.then(
    () => new PeerError("internal", "none", { message: "did not fail" }),
    (error: PeerError) => error,
  );
}

test("close ends open streams as unavailable and lets answers under way be finished", async () => {
  const channel = openChannel({ address: await open() });
  const streams = ["a", "b", "c"].map((registerId) =>
    channel.stream(replication.follow, { registerId }),
  );
  for (const stream of streams) await stream.next();
  const slow = channel.unary(discovery.ping, { peerId: "slow" }, { deadlineMs });
  await channel.unary(discovery.ping, {}, { deadlineMs });
  const ends = streams.map((stream) => failureOf(stream.next()));
  await rpc.close();
  for (const end of ends) expect(refusalOf(await end)?.name).toBe("BUSY");
  expect((await slow).peerId).toStartWith("127.0.0.1:");
  channel.close();
});

test("close does not wait for a reader that stands still for longer than allowed", async () => {
  const channel = openChannel({ address: await open() });
  const stream = channel.stream(replication.follow, { registerId: "flood" });
  await stream.next();
  await rpc.close();
  channel.close();
}, 15_000);

test("open says that a port is taken, and can be tried again", async () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const failed = await failureOf(open({ port: taken.port }));
  expect(failed).toMatchObject({ kind: "configuration", code: "port-taken" });
  expect(failed.message).toContain(String(taken.port));
  const port = taken.port;
  taken.stop(true);
  expect(await open({ port })).toBe(`127.0.0.1:${port}`);
});

test("open says that an address is none of this machine", async () => {
  expect(await failureOf(open({ host: "192.0.2.1" }))).toMatchObject({
    kind: "configuration",
    code: "bad-address",
  });
});

test("a connection has a bounded number of calls, and is told so", async () => {
  const channel = openChannel({ address: await open() });
  const streams = Array.from({ length: limits.streamsPerPeer }, () =>
    channel.stream(replication.follow, { registerId: "a" }),
  );
  for (const stream of streams) await stream.next();
  const failed = await failureOf(channel.stream(replication.follow, {}).next());
  expect(refusalOf(failed)).toEqual({ name: "BUSY", retryAfterMs: 1_000 });
  for (const stream of streams.slice(0, 10)) await stream.return?.();
  // The places are given back when the hang-ups have arrived, which nothing tells this side.
  const again = () => channel.stream(replication.follow, { registerId: "a" }).next();
  while (refusalOf(await failureOf(again())) !== null) await Bun.sleep(5);
  channel.close();
});

test("admit keeps callers out", async () => {
  const address = await open({
    admit: (caller) => {
      if (caller.peerId !== "bad") return { leave: () => {} };
      throw new PeerError("forbidden", "banned", { message: "This peer is banned here" });
    },
  });
  const bad = openChannel({ address, nodeId: "bad" });
  const failed = await failureOf(bad.unary(discovery.ping, {}, { deadlineMs }));
  expect(failed).toMatchObject({ kind: "forbidden", code: "banned" });
  bad.close();
});

test("the health service tells whether the node serves", async () => {
  const channel = openChannel({ address: await open() });
  const check = (service: string) => channel.unary(health.check, { service }, { deadlineMs });
  expect(await check("")).toEqual({ status: servingStatus.serving });
  expect(await check("sorcha.peer.replication.v1.Replication")).toEqual({
    status: servingStatus.serving,
  });
  isServing = false;
  expect(await check("")).toEqual({ status: servingStatus.notServing });
  isServing = true;
  expect(await failureOf(check("nobody"))).toMatchObject({ kind: "not-found" });
  channel.close();
});
