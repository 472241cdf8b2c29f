import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { PeerError } from "../../src/base/error.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { answer, answerStream, believeClaim, type Handler } from "../../src/wire/serve.ts";
import { discovery, distribution, registerSync, replication } from "../../src/wire/services.ts";
import { isUnimplemented, refusalOf, refuse } from "../../src/wire/status.ts";

// A grpc-js server of this process with handlers that misbehave on demand, and a channel of ours.
const stopping = new AbortController();
const faults: string[] = [];
const seen = { yielded: 0, ended: 0, callers: [] as (string | null)[] };
let server: Server;
let channel: Channel;
/** Its requests may name whom they like. */
let nameless: Channel;

const handlers: Handler[] = [
  answer(discovery.ping, async (request, caller) => {
    seen.callers.push(caller.peerId);
    if (request.peerId === "slow") await new Promise(() => {});
    if (request.peerId === "fault") throw new Error("a row of the database");
    if (request.peerId === "busy") {
      throw refuse("BUSY", { message: "Too much to do", retryAfterMs: 250 });
    }
    return { peerId: request.peerId, status: 1 };
  }),
  answer(distribution.getTransaction, (request) => ({
    transactionData: Buffer.alloc(Number(request.transactionHash), 7),
    found: true,
  })),
  answerStream(replication.pullRange, async function* (request) {
    try {
      for (let page = 0; page < request.docketCountMax; page++) {
        seen.yielded++;
        yield Buffer.alloc(request.bytesMax, page);
        if (request.headersOnly && page === 2)
          throw new PeerError("not-found", "gone", { message: "Gone" });
      }
    } finally {
      seen.ended++;
    }
  }),
  answerStream(replication.follow, async function* (_request, caller) {
    yield Buffer.from([1]);
    await new Promise<void>((resolve) => caller.signal.addEventListener("abort", () => resolve()));
    seen.ended++;
  }),
];

beforeAll(async () => {
  server = new Server({
    "grpc.max_receive_message_length": 16 * 1024 * 1024,
    "grpc.max_send_message_length": 16 * 1024 * 1024,
  });
  const rules = {
    identify: believeClaim,
    admit: () => ({ leave: () => {} }),
    stopping: stopping.signal,
    showDetails: false,
    onFault: (error: unknown) => faults.push(String(error)),
  };
  for (const { path, definition, implement } of handlers) {
    server.addService({ [path]: definition }, { [path]: implement(rules) });
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  channel = openChannel({ address: `127.0.0.1:${port}`, nodeId: "asker" });
  nameless = openChannel({ address: `127.0.0.1:${port}` });
});

afterAll(() => {
  channel.close();
  nameless.close();
  server.forceShutdown();
});

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => new Error("did not fail"),
    (error: Error) => error,
  );
}

describe("unary", () => {
  test("answers and tells who asks", async () => {
    const response = await channel.unary(discovery.ping, {}, { deadlineMs: 5_000 });
    expect(response).toEqual({ peerId: "", timestamp: 0, status: 1 });
    expect(seen.callers.at(-1)).toBe("asker");
    expect(channel.state()).toBe("ready");
  });

  test("refuses a request that names another asker than its call does", async () => {
    const failed = await failureOf(
      channel.unary(discovery.ping, { peerId: "b" }, { deadlineMs: 5_000 }),
    );
    expect(failed).toMatchObject({ kind: "unauthenticated", code: "false-identity" });
  });

  test("carries 15 MiB down", async () => {
    const length = 15 * 1024 * 1024;
    const response = await channel.unary(
      distribution.getTransaction,
      { transactionHash: String(length) },
      { deadlineMs: 30_000 },
    );
    expect(response.transactionData.byteLength).toBe(length);
    expect(response.transactionData.at(-1)).toBe(7);
  });

  test("carries 15 MiB up", async () => {
    const peerId = "x".repeat(15 * 1024 * 1024);
    const response = await nameless.unary(discovery.ping, { peerId }, { deadlineMs: 30_000 });
    expect(response.peerId.length).toBe(peerId.length);
  });

  test("refuses an answer over 16 MiB as exhausted", async () => {
    const failed = await failureOf(
      channel.unary(
        distribution.getTransaction,
        { transactionHash: String(17 * 1024 * 1024) },
        { deadlineMs: 30_000 },
      ),
    );
    expect(failed).toMatchObject({ kind: "exhausted" });
  });

  test("ends at its deadline as a timeout of the network", async () => {
    const failed = await failureOf(
      nameless.unary(discovery.ping, { peerId: "slow" }, { deadlineMs: 50 }),
    );
    expect(failed).toMatchObject({ kind: "network", code: "timeout" });
  });

  test("ends with its signal as an AbortError", async () => {
    const stop = new AbortController();
    const work = nameless.unary(
      discovery.ping,
      { peerId: "slow" },
      { deadlineMs: 60_000, signal: stop.signal },
    );
    stop.abort();
    expect((await failureOf(work)).name).toBe("AbortError");
  });

  test("hides what went wrong inside the other node, which is told itself", async () => {
    const failed = await failureOf(
      nameless.unary(discovery.ping, { peerId: "fault" }, { deadlineMs: 5_000 }),
    );
    expect(failed).toMatchObject({ kind: "network", code: "internal" });
    expect(failed.message).not.toContain("row");
    expect(faults.at(-1)).toContain("a row of the database");
  });

  test("brings a typed refusal with its wait", async () => {
    const failed = await failureOf(
      nameless.unary(discovery.ping, { peerId: "busy" }, { deadlineMs: 5_000 }),
    );
    expect(refusalOf(failed)).toEqual({ name: "BUSY", retryAfterMs: 250 });
  });

  test("knows a method that the other side does not have", async () => {
    const failed = await failureOf(
      channel.unary(registerSync.getRegisterSyncStatus, { registerId: "r" }, { deadlineMs: 5_000 }),
    );
    expect(isUnimplemented(failed)).toBe(true);
  });

  test("fails as unreachable where nobody listens", async () => {
    const nobody = openChannel({ address: "127.0.0.1:1" });
    const failed = await failureOf(nobody.unary(discovery.ping, {}, { deadlineMs: 5_000 }));
    nobody.close();
    expect(failed).toMatchObject({ kind: "network", code: "unreachable" });
  });
});

describe("stream", () => {
  test("gives every message in order, then ends", async () => {
    const pages: number[] = [];
    for await (const page of channel.stream(replication.pullRange, {
      docketCountMax: 200,
      bytesMax: 10,
    })) {
      pages.push(page[0] as number);
    }
    expect(pages).toEqual(Array.from({ length: 200 }, (_, page) => page));
  });

  test("ends with the error that the source met, after what came before it", async () => {
    const pages: number[] = [];
    const failed = await failureOf(
      (async () => {
        for await (const page of channel.stream(replication.pullRange, {
          docketCountMax: 10,
          bytesMax: 10,
          headersOnly: true,
        })) {
          pages.push(page[0] as number);
        }
      })(),
    );
    expect(pages).toEqual([0, 1, 2]);
    expect(failed).toMatchObject({ kind: "not-found", code: "gone" });
  });

  test("left early ten times leaves the connection usable", async () => {
    for (let round = 0; round < 10; round++) {
      for await (const page of channel.stream(replication.pullRange, {
        docketCountMax: 100_000,
        bytesMax: 65_536,
      })) {
        if ((page[0] as number) >= round) break;
      }
      const pages = channel.stream(replication.pullRange, { docketCountMax: 3, bytesMax: 65_536 });
      expect((await Array.fromAsync(pages)).length).toBe(3);
    }
  });

  test("waits for a slow reader, and what waits is bounded", async () => {
    const MiB = 1024 * 1024;
    seen.yielded = 0;
    const pages = channel.stream(replication.pullRange, { docketCountMax: 500, bytesMax: MiB });
    await pages.next();
    let before = -1;
    while (before !== seen.yielded) {
      before = seen.yielded;
      await Bun.sleep(300);
    }
    // The reader's window is 8 MiB, the sender keeps 2 MiB; the rest is the transport's.
    expect(seen.yielded).toBeLessThan(40);
    const ended = seen.ended;
    await pages.return?.();
    while (seen.ended === ended) await Bun.sleep(5);
  });

  test("tells the source when the reader hangs up, with and without anything to send", async () => {
    const stop = new AbortController();
    const pages = channel.stream(replication.follow, { registerId: "r" }, { signal: stop.signal });
    await pages.next();
    const ended = seen.ended;
    const next = failureOf(pages.next());
    stop.abort();
    expect((await next).name).toBe("AbortError");
    while (seen.ended === ended) await Bun.sleep(5);
  });

  test("calls a silence that is too long a timeout", async () => {
    const pages = channel.stream(replication.follow, { registerId: "r" }, { silenceMs: 100 });
    await pages.next();
    expect(await failureOf(pages.next())).toMatchObject({ kind: "network", code: "timeout" });
    expect((await pages.next()).done).toBe(true);
  });

  test("ends as unavailable when the source stops", async () => {
    const pages = channel.stream(replication.follow, { registerId: "r" });
    await pages.next();
    const next = failureOf(pages.next());
    stopping.abort();
    const failed = await next;
    expect(refusalOf(failed)?.name).toBe("BUSY");
    expect(failed).toMatchObject({ kind: "network" });
  });
});
