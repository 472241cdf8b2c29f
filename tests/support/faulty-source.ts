/**
 * A peer that speaks the protocol and misbehaves in one way by name (`faults.ts`), in a process of
 * its own: `bun tests/support/faulty-source.ts '{"nodeId":…}'`. Its register is made anew from its
 * options, so that several such processes hold the very same dockets. It writes its address and
 * then every question as a line of JSON; the line `seal 3` on stdin lets its chain grow.
 */
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { newSeed } from "../../src/dockets/keys.ts";
import type { Advert } from "../../src/peers/advert.ts";
import { answerHello } from "../../src/peers/handshake.ts";
import { identityOf } from "../../src/peers/identity.ts";
import { advertisementOf, infoOf } from "../../src/peers/messages.ts";
import { type PeerRecord, recordBytes, replicationProtocol } from "../../src/peers/record.ts";
import * as rpc from "../../src/rpc/server.ts";
import { openChannel } from "../../src/wire/client.ts";
import { answer, answerStream, type Caller, type Handler } from "../../src/wire/serve.ts";
import { discovery, heartbeat, registerSync, replication } from "../../src/wire/services.ts";
import { type FaultName, faults, forkOf } from "./faults.ts";
import { TestChain } from "./test-chain.ts";

export interface SourceOptions {
  nodeId: string;
  fault: FaultName;
  registerId: string;
  /** Dockets behind the genesis, of `transactions` records each. */
  dockets: number;
  transactions: number;
  /** A node to be known to; others learn of this source from it. */
  dial?: string;
  /** The sealed headers that it shows are those of this many dockets less. */
  headsBehind?: number;
  /** ms that every frame of a range takes. */
  frameMs?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as SourceOptions;
const chain = new TestChain(options.registerId).sealMany(options.dockets, options.transactions);
const shown = options.fault === "equivocate" ? forkOf(chain) : chain;
const identity = identityOf(options.nodeId, newSeed());
const fault = faults[options.fault];
const startedAtMs = Date.now();
let isThrottled = false;
let port = 0;
let growth = Promise.withResolvers<void>();

function advert(): Advert {
  const newest = options.fault === "invent-height" ? 1_000_000 : chain.bundles.length - 1;
  return {
    registerId: options.registerId,
    syncState: "FullyReplicated",
    latestVersion: newest * options.transactions + 1,
    latestDocketVersion: newest,
    docketCount: newest + 1,
    hasFullReplica: true,
    isPublic: true,
    genesisHash: null,
    name: "test",
    description: null,
  };
}

/** What this source says of itself, signed. */
function ownRecord(): PeerRecord {
  const record: PeerRecord = {
    peerId: options.nodeId,
    host: "127.0.0.1",
    port,
    protocols: [replicationProtocol],
    adverts: [advert()],
    publicKey: identity.publicKey,
    seq: startedAtMs,
    signature: null,
    lastSeenMs: Date.now(),
  };
  return { ...record, signature: identity.sign(recordBytes(record)) };
}

function tell(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function* serve(
  call: string,
  asked: { next: number; last: number; caller: Caller },
): AsyncGenerator<Uint8Array> {
  tell({ call, next: asked.next, last: asked.last });
  if (options.fault === "one-byte-a-second") isThrottled = true;
  const { signal } = asked.caller;
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const grown = () => Promise.race([growth.promise, aborted]);
  for await (const frame of fault({ chain, ...asked, signal, growth: grown })) {
    if (options.frameMs) await Bun.sleep(options.frameMs);
    yield frame;
  }
}

async function* heads(caller: Caller) {
  tell({ call: "heads" });
  const aborted = new Promise<void>((resolve) =>
    caller.signal.addEventListener("abort", () => resolve()),
  );
  while (!caller.signal.aborted) {
    const number = shown.bundles.length - 1 - (options.headsBehind ?? 0);
    const docketData = shown.bundles[number]?.docketData ?? new Uint8Array(0);
    const { docketHash } = JSON.parse(Buffer.from(docketData).toString());
    yield { registerId: options.registerId, number, docketHash, docketData };
    await Promise.race([growth.promise, aborted]);
  }
}

const handlers: Handler[] = [
  answer(replication.hello, (request) =>
    answerHello(request, {
      identity,
      ownRecord,
      observedHost: "127.0.0.1",
    }),
  ),
  answerStream(replication.follow, (request, caller) =>
    serve("follow", { next: request.nextDocket, last: Number.POSITIVE_INFINITY, caller }),
  ),
  answerStream(replication.pullRange, (request, caller) => {
    const { nextDocket: next, docketCountMax: count } = request;
    // Its genesis docket is all of the policy chain.
    if (request.controlOnly) return serve("pullRange", { next: 0, last: 0, caller });
    const last = count === 0 ? chain.bundles.length - 1 : next + count - 1;
    return serve("pullRange", { next, last, caller });
  }),
  answerStream(replication.heads, (_, caller) => heads(caller)),
  answer(registerSync.getRegisterSyncStatus, (request) => ({
    registerId: request.registerId,
    syncState: 3,
    latestDocketVersion: advert().latestDocketVersion,
    totalDockets: advert().docketCount,
  })),
  answer(discovery.registerPeer, () => ({ success: true, message: "" })),
  answer(discovery.ping, () => ({ peerId: options.nodeId })),
  answer(discovery.getPeerList, () => ({ peers: [infoOf(ownRecord())], totalPeers: 1 })),
  answer(discovery.exchangePeers, () => ({ success: true, message: "", knownPeers: [] })),
  answer(heartbeat.sendHeartbeat, () => ({
    success: true,
    peerId: options.nodeId,
    timestamp: Date.now(),
    advertisedRegisters: [advertisementOf(advert())],
  })),
];

const grpc = await rpc.open({
  host: "127.0.0.1",
  port: 0,
  handlers,
  showDetails: true,
  isServing: () => true,
});
port = await throttled(grpc.port);
tell({ address: `127.0.0.1:${port}` });
if (options.dial !== undefined) await makeKnown(options.dial);

createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, count] = line.split(" ");
  if (word === "dial") return void makeKnown(count ?? "");
  chain.sealMany(Number(count), options.transactions);
  if (shown !== chain) shown.sealMany(Number(count), options.transactions);
  growth.resolve();
  growth = Promise.withResolvers();
});

async function makeKnown(address: string): Promise<void> {
  const channel = openChannel({ address, nodeId: options.nodeId });
  await channel.unary(
    discovery.registerPeer,
    { peerInfo: infoOf(ownRecord()) },
    { deadlineMs: 5_000 },
  );
  channel.close();
}

/** A port before the other; once throttled, one byte a second passes towards the caller. */
function throttled(target: number): Promise<number> {
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    near.pipe(far);
    far.on("data", (data: Buffer) => void (isThrottled ? drip(near, data) : near.write(data)));
    far.on("close", () => near.destroy());
    for (const socket of [near, far]) socket.on("error", () => near.destroy());
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
}

async function drip(near: Socket, bytes: Uint8Array): Promise<void> {
  for (const byte of bytes) {
    if (near.destroyed) return;
    near.write(Uint8Array.of(byte));
    await Bun.sleep(1_000);
  }
}
