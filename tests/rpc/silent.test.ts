import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { openChannel } from "../../src/wire/client.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { discovery, replication } from "../../src/wire/services.ts";
import type { TlsSource } from "../../src/wire/tls.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { channelAs, Organisation, openFiles, writeTls } from "../support/certificates.ts";

const clock = new SimClock();
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const call = { deadlineMs: 10_000 };
let port = 0;

async function listen(tls: TlsSource | null = null): Promise<string> {
  const opened = await rpc.open({
    tls,
    host: "127.0.0.1",
    port: 0,
    handlers: [
      answer(discovery.ping, () => ({ peerId: "us" })),
      answerStream(replication.follow, async function* (request, caller) {
        yield new Uint8Array([1]);
        if (request.registerId === "") return;
        await new Promise((resolve) => caller.signal.addEventListener("abort", resolve));
      }),
    ],
    showDetails: false,
    isServing: () => true,
    clock,
  });
  port = opened.port;
  return `127.0.0.1:${port}`;
}
afterEach(() => rpc.close());

/** A connection that says `said` and then nothing; `ended` when the node closed it. */
async function silent(said = ""): Promise<{ socket: Socket; ended: () => boolean }> {
  let isEnded = false;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => {
    isEnded = true;
  });
  socket.resume();
  await new Promise<void>((resolve) => {
    socket.once("connect", () => resolve());
    socket.once("close", () => resolve());
  });
  if (said !== "") socket.write(said);
  return { socket, ended: () => isEnded };
}

async function seen(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(5);
}

test("a thousand silent connections are bounded and ended, and honest traffic goes on (weaknesses 20, 61)", async () => {
  const address = await listen();
  const early = openChannel({ address });
  const stream = early.stream(replication.follow, { registerId: "r" });
  await stream.next();
  const sockets: Awaited<ReturnType<typeof silent>>[] = [];
  for (let round = 0; round < 50; round += 1) {
    const said = ["", preface.slice(0, 9), preface];
    const opening = Array.from({ length: 20 }, (_, at) => silent(said[at % said.length]));
    sockets.push(...(await Promise.all(opening)));
    expect((await early.unary(discovery.ping, {}, call)).peerId).toBe("us");
  }
  const left = () => sockets.filter((one) => !one.ended()).length;
  await seen(() => left() < limits.openPerHost);
  const late = openChannel({ address });
  expect((await late.unary(discovery.ping, {}, call)).peerId).toBe("us");
  await clock.pass(limits.silentConnectionMs * 1.2);
  await seen(() => left() === 0);
  for (const channel of [early, late]) {
    expect((await channel.unary(discovery.ping, {}, call)).peerId).toBe("us");
    expect(channel.state()).toBe("ready");
  }
  const next = stream.next().then(
    () => "more",
    () => "ended",
  );
  expect(await Promise.race([next, Bun.sleep(20).then(() => "open")])).toBe("open");
  for (const channel of [early, late]) channel.close();
});

test("bytes that trickle in are no call, and a connection that made one may rest (weakness 61)", async () => {
  const address = await listen();
  const resting = openChannel({ address });
  await resting.unary(discovery.ping, {}, call);
  const { socket, ended } = await silent();
  for (const byte of preface.slice(0, 15)) {
    socket.write(byte);
    await clock.pass(limits.silentConnectionMs / 12);
  }
  await seen(ended);
  await clock.pass(600_000);
  expect(resting.state()).toBe("ready");
  expect((await resting.unary(discovery.ping, {}, call)).peerId).toBe("us");
  resting.close();
});

test("a TLS handshake that is never finished ends like any other silence (weakness 25)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-silent-"));
  const ours = await Organisation.make("Ours");
  const given = { own: await ours.issue("node-a"), trusts: [ours] };
  const files = await openFiles(await writeTls(folder, given), "node-a");
  const address = await listen(files);
  const channel = channelAs(address, { tls: { own: await ours.issue("b"), trusts: [ours] } });
  await channel.unary(discovery.ping, {}, call);
  const sockets = await Promise.all([silent(), silent("\x16\x03\x01")]);
  await clock.pass(limits.silentConnectionMs * 1.2);
  await seen(() => sockets.every((one) => one.ended()));
  expect((await channel.unary(discovery.ping, {}, call)).peerId).toBe("us");
  expect(channel.state()).toBe("ready");
  channel.close();
  await files.close();
  rmSync(folder, { recursive: true, force: true });
});
