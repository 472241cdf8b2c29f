/**
 * A peer that tells of transactions and serves what it likes, at a real node that seals two
 * registers: nothing false gets in, and what is true does so afterwards as before.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import type { PeerError } from "../../src/base/error.ts";
import { buildTransaction } from "../../src/dockets/envelope.ts";
import { newSeed, signerOfSeed } from "../../src/dockets/keys.ts";
import { answerHello } from "../../src/peers/handshake.ts";
import { identityOf } from "../../src/peers/identity.ts";
import { infoOf } from "../../src/peers/messages.ts";
import { recordBytes, replicationProtocol } from "../../src/peers/record.ts";
import * as rpc from "../../src/rpc/server.ts";
import { limits } from "../../src/runtime/limits.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import type { TransactionChunk } from "../../src/wire/distribution-messages.ts";
import type { Draft } from "../../src/wire/messages.ts";
import { answer, answerStream } from "../../src/wire/serve.ts";
import { communication, discovery, distribution, replication } from "../../src/wire/services.ts";
import { refusalOf } from "../../src/wire/status.ts";
import { errorOf } from "../support/error-of.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";

const deadlineMs = 20_000;
const signer = signerOfSeed(newSeed());
const identity = identityOf("attacker", newSeed());
const size = limits.transactionChunkBytes;
const large = limits.streamedTransactionBytes + 1;

describe("A peer that tells of transactions", () => {
  const cluster = new Cluster("embedded", { keep: true });
  let node: TestNode;
  let toNode: Channel;
  let registerId = "";
  let otherId = "";
  let secretId = "";
  /** What it serves, and what it was asked for. */
  const bodies = new Map<string, { data: Uint8Array; encoding?: string }>();
  let chunks: (from: number) => AsyncIterable<Draft<TransactionChunk>> = async function* () {};
  const asked: string[] = [];
  let sealed = 0;
  let made = 0;

  beforeAll(async () => {
    node = await cluster.start("node", { environment: { PEER_SEAL_MS: "20" } });
    registerId = await create("open");
    otherId = await create("other");
    secretId = await create("secret", ["--private", "--reader", "friend"]);
    const { port } = await rpc.open({
      ...{ host: "127.0.0.1", port: 0, showDetails: false, isServing: () => true },
      handlers: [
        answer(replication.hello, (request) =>
          answerHello(request, { identity, ownRecord, observedHost: "127.0.0.1" }),
        ),
        answer(distribution.getTransaction, ({ transactionHash }) => {
          asked.push(transactionHash);
          const served = bodies.get(transactionHash);
          if (served === undefined) return { transactionHash, found: false };
          const { data: transactionData, encoding = "" } = served;
          return { transactionHash, found: true, transactionData, encoding };
        }),
        answerStream(distribution.streamTransaction, ({ transactionHash, fromChunk }) => {
          asked.push(transactionHash);
          return chunks(fromChunk);
        }),
      ],
    });
    toNode = openChannel({ address: node.grpcAddress, nodeId: "attacker" });
    const ownRecord = () => {
      const record = {
        ...{ peerId: "attacker", host: "127.0.0.1", port, protocols: [replicationProtocol] },
        ...{ adverts: [], publicKey: identity.publicKey, seq: 1, signature: null, lastSeenMs: 0 },
      };
      return { ...record, signature: identity.sign(recordBytes(record)) };
    };
    const peerInfo = infoOf(ownRecord());
    await toNode.unary(discovery.registerPeer, { peerInfo }, { deadlineMs });
  }, 60_000);

  beforeEach(async () => {
    asked.length = 0;
    sealed = (await node.register(registerId))?.transactionCount ?? 0;
  });

  afterAll(async () => {
    toNode.close();
    await rpc.close();
  });

  async function create(name: string, flags: string[] = []): Promise<string> {
    const words = ["register", "create", "--name", name, ...flags, "--output", "json"];
    return (JSON.parse(await node.ok(words)) as { registerId: string }).registerId;
  }

  function built(given: { registerId?: string; data?: string } = {}) {
    made += 1;
    const payloadJson = `{"type":"Action","data":${given.data ?? made}}`;
    const createdAtMs = Date.now();
    return buildTransaction({ registerId, createdAtMs, signer, ...given, payloadJson });
  }

  const tell = (transactionHash: string, transactionSize: number, id = registerId) =>
    toNode.unary(
      distribution.notifyTransaction,
      { registerId: id, transactionHash, transactionSize, senderPeerId: "attacker" },
      { deadlineMs },
    );

  /** How often the node refused a transaction, by code. */
  async function refusals(code: string): Promise<number> {
    const metrics = await (await fetch(`${node.httpUrl}/metrics`)).text();
    const line = metrics
      .split("\n")
      .find((one) => one.includes('what="transaction"') && one.includes(`code="${code}"`));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** Tells of it, is asked for it and serves that; the node refuses it with this code. */
  async function isRefused(id: string, body: Uint8Array, code: string): Promise<void> {
    const before = await refusals(code);
    bodies.set(id, { data: body });
    expect(await tell(id, 100)).toEqual({ alreadyKnown: false, willRequest: true });
    await until(async () => (await refusals(code)) > before, `a refusal as ${code}`);
  }

  /** What is true gets in, and is all that did. */
  async function takesNothingBut(...trueOnes: ReturnType<typeof built>[]): Promise<void> {
    const all = [...trueOnes, built()];
    for (const { transaction, bytes } of all) {
      bodies.set(transaction.transactionId, { data: bytes });
      await tell(transaction.transactionId, bytes.byteLength);
    }
    const count = async () => (await node.register(registerId))?.transactionCount;
    await until(async () => (await count()) === sealed + all.length, "what is true to be sealed");
    expect((await node.register(otherId))?.transactionCount).toBe(1);
  }

  /** Tells of it until the node has asked a second time: what came first is thrown away by then. */
  async function isAskedAgain(id: string, bytes: number): Promise<void> {
    await until(async () => {
      await tell(id, bytes);
      return asked.filter((one) => one === id).length > 1;
    }, `${id} to be asked for again`);
  }

  test("gets in neither a forgery, nor another register's, nor another body under an id", async () => {
    const one = built();
    const { transactionId } = one.transaction;
    const document = JSON.parse(Buffer.from(one.bytes).toString());
    const bytesOf = (changes: object) => Buffer.from(JSON.stringify({ ...document, ...changes }));
    const [signature] = document.signatures;
    const forged = { ...signature, signatureValue: Buffer.alloc(64, 1).toString("base64url") };
    await isRefused(transactionId, bytesOf({ signatures: [forged] }), "tx-signature");
    await isRefused(transactionId, bytesOf({ signatures: [] }), "tx-signature");
    const another = built({ registerId: otherId });
    await isRefused(another.transaction.transactionId, another.bytes, "register");
    await isRefused(transactionId, bytesOf({ payloadJson: '{"type":"Action"}' }), "payload-hash");
    await isRefused(transactionId, built().bytes, "payload-hash");
    const validator = { validatorId: "attacker", publicKey: signer.publicKey };
    const policy = {
      ...{ version: 2, validators: [{ ...validator, algorithm: "ED25519" }], threshold: 1 },
      ...{ isPublic: true, name: "mine", description: "" },
    };
    const control = { type: "Control", control: "register.policy", policy };
    const payloadJson = JSON.stringify(control);
    const coup = buildTransaction({ registerId, payloadJson, createdAtMs: Date.now(), signer });
    await isRefused(coup.transaction.transactionId, coup.bytes, "seal");
    await takesNothingBut(one);
  });

  test("gets in no body that is empty, a giant, or one packed into a few bytes", async () => {
    await isRefused(built().transaction.transactionId, new Uint8Array(0), "json");
    const giant = await tell(built().transaction.transactionId, limits.transactionBytes + 1);
    expect(giant.willRequest).toBe(false);
    const before = residentBytes(node.pid);
    const pack = gzipSync(new Uint8Array(16 * 2 ** 20));
    const bomb = Buffer.concat(Array.from({ length: 64 }, () => pack));
    for (const given of [
      { data: new Uint8Array(limits.transactionBytes + 1) },
      { data: new Uint8Array(limits.messageBytes - 100) },
      { data: bomb, encoding: "gzip" },
      { data: Buffer.from("no gzip"), encoding: "gzip" },
      { data: new Uint8Array(10), encoding: "br" },
    ]) {
      const { transactionId } = built().transaction;
      bodies.set(transactionId, given);
      await isAskedAgain(transactionId, 100);
    }
    expect(residentBytes(node.pid) - before).toBeLessThan(256 * 2 ** 20);
    await takesNothingBut();
  });

  test("gets in no stream that is out of order, has no end, or stands still", async () => {
    const whole = built({ data: `"${"x".repeat(large)}"` });
    const totalChunks = Math.ceil(whole.bytes.byteLength / size);
    const at = (chunkIndex: number): Draft<TransactionChunk> => ({
      ...{ chunkIndex, totalChunks },
      chunkData: whole.bytes.subarray(chunkIndex * size, (chunkIndex + 1) * size),
    });
    const served: (() => AsyncGenerator<Draft<TransactionChunk>>)[] = [
      async function* () {
        yield at(1);
      },
      async function* () {
        yield at(0);
        yield at(2);
      },
      async function* () {
        for (;;) yield at(0);
      },
      async function* () {
        for (let chunkIndex = 0; ; chunkIndex += 1) yield { ...at(0), chunkIndex };
      },
      async function* () {
        yield { ...at(0), totalChunks: 1_000_000 };
      },
      async function* () {
        yield at(0);
        await new Promise<never>(() => {});
      },
    ];
    for (const stream of served) {
      chunks = stream;
      const { transactionId } = built().transaction;
      await isAskedAgain(transactionId, large);
    }
    // While the last of them stands still, others come through.
    await takesNothingBut();
    chunks = async function* (from) {
      for (let index = from; index < totalChunks; index += 1) yield at(index);
    };
    sealed = (await node.register(registerId))?.transactionCount ?? 0;
    await takesNothingBut(whole);
  }, 60_000);

  test("may tell so many at once, and only of registers that are here", async () => {
    const item = { transactionHash: "t", transactionSize: 1 };
    const many = (count: number) =>
      toNode.unary(
        distribution.notifyTransaction,
        { ...item, registerId, more: Array(count).fill(item) },
        { deadlineMs },
      );
    const tooMany = (await errorOf(many(limits.gossip.batchIds + 1))) as PeerError;
    expect([tooMany.facts.grpcStatus, tooMany.code]).toEqual([
      status.RESOURCE_EXHAUSTED,
      "too-many",
    ]);
    const negative = (await errorOf(tell("t", -1))) as PeerError;
    expect(negative.facts.grpcStatus).toBe(status.INVALID_ARGUMENT);
    for (let from = 0; from < 2_000; from += 200) {
      const flood = Array.from({ length: 200 }, (_, at) => tell("t", 1, `r${from + at}`));
      for (const one of await Promise.all(flood.map(errorOf))) {
        expect(refusalOf(one)?.name).toBe("NOT_SUBSCRIBED");
      }
    }
    expect(asked).not.toContain("t");
    await takesNothingBut();
  }, 60_000);

  test("is served a stored transaction from any chunk that it has, and no other", async () => {
    const long = built({ data: `"${"y".repeat(3 * size)}"` });
    await takesNothingBut(long);
    const { transactionId: transactionHash } = long.transaction;
    const from = async (fromChunk: number) => {
      const got: Uint8Array[] = [];
      const request = { registerId, transactionHash, fromChunk };
      for await (const { chunkData, chunkIndex, totalChunks } of toNode.stream(
        distribution.streamTransaction,
        request,
      )) {
        expect([chunkIndex, totalChunks]).toEqual([fromChunk + got.length, 4]);
        got.push(chunkData);
      }
      return Buffer.concat(got);
    };
    for (const chunk of [0, 2, 3]) {
      expect(await from(chunk)).toEqual(Buffer.from(long.bytes.subarray(chunk * size)));
    }
    for (const chunk of [4, 1_000_000, -1]) {
      const error = (await errorOf(from(chunk))) as PeerError;
      expect([error.facts.grpcStatus, error.code]).toEqual([status.INVALID_ARGUMENT, "bad-field"]);
    }
  });

  /** Each call about a transaction, and what it asks first. */
  function calls(channel: Channel, caller: { senderPeerId: string; id: string }) {
    const { senderPeerId, id: registerId } = caller;
    const transactionHash = "t";
    const payload = distribution.notifyTransaction.request.encode({ registerId, transactionHash });
    const message = { senderPeerId, recipientPeerId: "node", messageType: 1, payload };
    const first = async (stream: AsyncIterator<unknown>) => {
      await stream.next();
      await stream.return?.();
    };
    const request = { registerId, transactionHash };
    return {
      NotifyTransaction: () =>
        channel.unary(distribution.notifyTransaction, request, { deadlineMs }),
      GetTransaction: () => channel.unary(distribution.getTransaction, request, { deadlineMs }),
      StreamTransaction: () => first(channel.stream(distribution.streamTransaction, request)),
      SendMessage: () => channel.unary(communication.sendMessage, message, { deadlineMs }),
      Stream: () => first(channel.stream(communication.stream, message, { staysOpen: true })),
    };
  }

  async function statusesOf(senderPeerId: string, id: string): Promise<Record<string, unknown>> {
    const channel = openChannel({ address: node.grpcAddress, nodeId: senderPeerId });
    const statuses: Record<string, unknown> = {};
    for (const [name, call] of Object.entries(calls(channel, { senderPeerId, id }))) {
      const error = (await errorOf(Promise.resolve(call()))) as PeerError;
      statuses[name] = error.facts.grpcStatus;
    }
    channel.close();
    return statuses;
  }

  test("is told nothing of a private register that it may not read, by any call", async () => {
    for (const name of ["attacker", "friend"]) {
      expect(await statusesOf(name, secretId)).toEqual({
        NotifyTransaction: status.PERMISSION_DENIED,
        GetTransaction: status.PERMISSION_DENIED,
        StreamTransaction: status.PERMISSION_DENIED,
        SendMessage: status.NOT_FOUND,
        Stream: status.NOT_FOUND,
      });
    }
  });

  test("is let in by no call once it is banned", async () => {
    await node.ok(["peers", "ban", "attacker"]);
    const denied = status.PERMISSION_DENIED;
    expect(await statusesOf("attacker", registerId)).toEqual({
      ...{ NotifyTransaction: denied, GetTransaction: denied, StreamTransaction: denied },
      ...{ SendMessage: denied, Stream: denied },
    });
    expect(asked).not.toContain("t");
  });
});

/** What the process holds in memory. */
function residentBytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+) kB/);
  return Number(line?.[1] ?? 0) * 1_024;
}
