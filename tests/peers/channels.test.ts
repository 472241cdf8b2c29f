import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { PeerError } from "../../src/base/error.ts";
import { Book } from "../../src/peers/book.ts";
import { Channels } from "../../src/peers/channels.ts";
import { Gate } from "../../src/peers/gate.ts";
import { ban } from "../../src/peers/standing.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { openChannel } from "../../src/wire/client.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { discovery, replication } from "../../src/wire/services.ts";

let nowMs = 0;
const clock = { monotonicMs: () => nowMs };
const peer = { peerId: "bob", host: "127.0.0.1", port: 1 };
const deadlineMs = 5_000;
const book = new Book({ ownId: "us", nowMs: () => nowMs, isGenuine: () => true });
const gate = new Gate({ book });
let answering: "well" | "busy" = "well";

const { port } = await rpc.open({
  host: "127.0.0.1",
  port: 0,
  handlers: [
    answer(discovery.ping, () => {
      if (answering === "well") return { peerId: "bob" };
      throw new PeerError("exhausted", "busy", { message: "Later" });
    }),
    answerStream(replication.follow, async function* (_, caller) {
      yield new Uint8Array([1]);
      await new Promise<void>((resolve) =>
        caller.signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      const error = new Error("Aborted");
      error.name = "AbortError";
      throw error;
    }),
  ],
  showDetails: false,
  isServing: () => true,
  admit: (caller) => gate.enter(caller),
});
afterAll(() => rpc.close());

const all: Channels[] = [];
afterEach(() => {
  for (const channels of all.splice(0)) channels.close();
  answering = "well";
});

function newChannels(nodeId = "us"): Channels {
  const channels = new Channels({
    openChannel: (address) => ({ channel: openChannel({ address, nodeId }) }),
    clock,
  });
  all.push(channels);
  return channels;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "answered",
    (error) => (error instanceof PeerError ? error.code : error.name),
  );
}

describe("Channels", () => {
  test("drop ends the streams that run on the channel", async () => {
    const channels = newChannels();
    const stream = channels.to({ ...peer, port }).stream(replication.follow, {});
    expect((await stream.next()).done).toBe(false);
    const next = codeOf(stream.next());
    channels.drop("bob");
    expect(await next).toBe("dropped");
    expect(channels.count()).toBe(0);
    expect(channels.circuitName("bob")).toBe("closed");
  });

  test("distrusted names those whose certificate is none any more, and why", () => {
    let problem: string | null = null;
    const channels = new Channels({
      openChannel: (address) => ({ channel: openChannel({ address }), lostTrust: () => problem }),
      clock,
    });
    all.push(channels);
    channels.to({ ...peer, port });
    expect(channels.distrusted()).toEqual([]);
    problem = "expired";
    expect(channels.distrusted()).toEqual([{ peerId: "bob", reason: "expired" }]);
  });

  test("closeIdle leaves what is used, exempt or young, and takes the rest after 15 minutes", async () => {
    const channels = newChannels();
    for (const peerId of ["idle", "seed", "busy"]) {
      await channels.to({ ...peer, peerId, port }).unary(discovery.ping, {}, { deadlineMs });
    }
    const stream = channels.to({ ...peer, peerId: "busy", port }).stream(replication.follow, {});
    await stream.next();
    const isExempt = (peerId: string) => peerId === "seed";
    expect(channels.closeIdle({ isExempt })).toBe(0);
    nowMs += limits.idleChannelMs + 1;
    expect(channels.closeIdle({ isExempt })).toBe(1);
    expect(channels.count()).toBe(2);
    await stream.return?.();
  });
});

describe("Circuit (weakness 51, weakness 60)", () => {
  test("opens after five calls without an answer, and then lets one probe through", async () => {
    const channels = newChannels();
    const ping = (where: number) =>
      codeOf(channels.to({ ...peer, port: where }).unary(discovery.ping, {}, { deadlineMs }));
    for (let call = 0; call < limits.circuitFailures; call += 1) {
      expect(await ping(1)).toBe("unreachable");
    }
    expect(await ping(port)).toBe("circuit-open");
    expect(channels.circuitCounts()).toEqual({ closed: 0, open: 1, "half-open": 0 });
    nowMs += limits.circuitRestMs + 1;
    expect(await ping(port)).toBe("answered");
    expect(channels.circuitName("bob")).toBe("closed");
  });

  test("stays closed for a peer that refuses: an answer is an answer", async () => {
    const channels = newChannels();
    answering = "busy";
    const channel = channels.to({ ...peer, port });
    for (let call = 0; call < 20; call += 1) {
      expect(await codeOf(channel.unary(discovery.ping, {}, { deadlineMs }))).toBe("busy");
    }
    expect(channels.circuitName("bob")).toBe("closed");
  });
});

describe("Gate", () => {
  test("puts a peer out when it is banned, and keeps it out", async () => {
    const record = { peerId: "mallory", host: "198.51.100.1", port: 5, protocols: [], adverts: [] };
    const facts = { publicKey: null, seq: 0, signature: null, lastSeenMs: 0 };
    book.learn({ ...record, ...facts }, "itself");
    const channel = newChannels("mallory").to({ ...peer, port });
    const stream = channel.stream(replication.follow, {});
    await stream.next();
    const next = codeOf(stream.next());
    ban(book, "mallory", null);
    gate.expel("mallory");
    expect(await next).toBe("forbidden");
    expect(await codeOf(channel.unary(discovery.ping, {}, { deadlineMs }))).toBe("forbidden");
    const other = newChannels("honest").to({ ...peer, port });
    expect(await codeOf(other.unary(discovery.ping, {}, { deadlineMs }))).toBe("answered");
  });

  test("lets in no more connections than it may, and gives the places back", () => {
    const own = new Gate({
      book: new Book({ ownId: "us", nowMs: () => 0, isGenuine: () => true }),
    });
    const enter = (host: string, port: number) =>
      own.enter({ peerId: `p${port}`, address: `${host}:${port}` });
    const inside = Array.from({ length: limits.inboundPerHost }, (_, at) =>
      enter("10.0.0.1", at + 1),
    );
    expect(() => enter("10.0.0.1", 60_000)).toThrow("As many connections");
    enter("10.0.0.2", 1).leave();
    for (const one of inside) one.leave();
    expect(own.connectionCount()).toBe(0);
    enter("10.0.0.1", 60_000).leave();
  });
});
