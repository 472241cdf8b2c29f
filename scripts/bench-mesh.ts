/**
 * What the mesh costs: how long 25 nodes with one seed take to know each other (simulated time,
 * real code, five seeds), what one heartbeat takes in CPU beside a bare call of the same wire, and
 * what a known peer and an open channel take in memory.
 *
 *   bun scripts/bench-mesh.ts [nodes, default 25]
 */
import { Book } from "../src/peers/book.ts";
import { answerHeartbeat, sendHeartbeat } from "../src/peers/heartbeat.ts";
import { identityOf, isRecordGenuine } from "../src/peers/identity.ts";
import type { Peer } from "../src/peers/peer.ts";
import { type PeerRecord, recordBytes } from "../src/peers/record.ts";
import * as rpc from "../src/rpc/server.ts";
import { type Channel, openChannel } from "../src/wire/client.ts";
import { answer } from "../src/wire/serve.ts";
import { discovery, heartbeat } from "../src/wire/services.ts";
import { SimNet } from "../tests/sim/sim-net.ts";

const nodeCount = Number(process.argv[2] ?? 25);
const rounds = 5;
const book = new Book({ ownId: "us", nowMs: Date.now, isGenuine: isRecordGenuine });

await benchConvergence();
const { address, peer } = await openNode();
await benchHeartbeats(address, peer);
await benchMemory(address);
await rpc.close();

async function benchConvergence(): Promise<void> {
  const seconds: number[] = [];
  for (let seed = 1; seed <= rounds; seed += 1) {
    const net = new SimNet(seed);
    const first = net.add("node-0");
    for (let index = 1; index < nodeCount; index += 1) net.add(`node-${index}`, { seeds: [first] });
    for (const node of net.nodes) node.start();
    const isWhole = () => net.nodes.every((node) => node.book.connected().length === nodeCount - 1);
    seconds.push((await net.clock.pass(300_000, isWhole)) / 1_000);
    await net.stop();
  }
  print(`${nodeCount} nodes, one seed: all connected to all`, seconds, "s simulated");
}

/** A node's listener in this process, which answers heartbeats of the peer it knows. */
async function openNode(): Promise<{ address: string; peer: Peer }> {
  const options = {
    nodeId: "us",
    book,
    localAdverts: () => [],
    metrics: () => ({}),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    wake: () => {},
    beatSoon: () => {},
    showedItself: () => {},
    provesPeers: true,
    isProven: true,
    readerId: null,
  };
  const { port } = await rpc.open({
    host: "127.0.0.1",
    port: 0,
    handlers: [
      answer(heartbeat.sendHeartbeat, (request) => answerHeartbeat(request, options)),
      answer(discovery.ping, () => ({ peerId: "us" })),
    ],
    showDetails: false,
    isServing: () => true,
  });
  const learned = book.learn(signedRecord(0), "itself");
  if (learned.kind === "refused") throw new Error(learned.code);
  return { address: `127.0.0.1:${port}`, peer: learned.peer };
}

async function benchHeartbeats(address: string, peer: Peer): Promise<void> {
  const channel = openChannel({ address });
  const options = {
    nodeId: peer.peerId,
    book,
    localAdverts: () => [],
    metrics: () => ({}),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    wake: () => {},
    provesPeers: true,
  };
  const signal = new AbortController().signal;
  const beat = () =>
    sendHeartbeat(peer, { channel, sequence: 1, timeoutMs: 5_000, signal, options });
  const ping = () => channel.unary(discovery.ping, {}, { deadlineMs: 5_000 });
  const [beats, pings]: [number[], number[]] = [[], []];
  await cpuPerCall(beat);
  for (let round = 0; round < rounds; round += 1) {
    pings.push(await cpuPerCall(ping));
    beats.push(await cpuPerCall(beat));
  }
  channel.close();
  print("a bare call, both sides", pings, "µs CPU");
  print("a heartbeat, both sides", beats, "µs CPU");
  const ratios = beats.map((cost, index) => cost / (pings[index] ?? 1));
  print("heartbeat : bare call", ratios, "×");
}

async function cpuPerCall(call: () => Promise<unknown>): Promise<number> {
  const count = 500;
  const before = process.cpuUsage();
  for (let done = 0; done < count; done += 1) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function benchMemory(address: string): Promise<void> {
  const count = 500;
  const heapBefore = heapBytes();
  for (let index = 1; index <= count; index += 1) book.learn(signedRecord(index), "itself");
  const known = book.list().length - 1;
  print(
    `a known peer with 10 adverts (${known} of them)`,
    [(heapBytes() - heapBefore) / known / 1024],
    "KiB",
  );
  const rssBefore = process.memoryUsage().rss;
  const channels: Channel[] = [];
  for (let index = 0; index < 50; index += 1) {
    const channel = openChannel({ address });
    channels.push(channel);
    await channel.unary(discovery.ping, {}, { deadlineMs: 5_000 });
  }
  const rss = (process.memoryUsage().rss - rssBefore) / channels.length / 1024;
  print("an open channel, both ends in this process", [rss], "KiB");
  for (const channel of channels) channel.close();
}

function heapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

function signedRecord(index: number): PeerRecord {
  const seed = new Uint8Array(32).fill(9);
  new DataView(seed.buffer).setUint32(0, index);
  const identity = identityOf(`peer-${index}`, seed);
  const adverts = Array.from({ length: 10 }, (_, number) => ({
    registerId: `register-${index}-${number}`,
    syncState: "FullyReplicated" as const,
    latestVersion: 1,
    latestDocketVersion: 1,
    docketCount: 2,
    hasFullReplica: true,
    isPublic: true,
    genesisHash: "0".repeat(64),
    name: "register",
    description: null,
  }));
  const record: PeerRecord = {
    peerId: identity.nodeId,
    host: `10.${index % 200}.${Math.floor(index / 200)}.1`,
    port: 5001,
    protocols: ["GrpcStream"],
    adverts,
    publicKey: identity.publicKey,
    seq: 1,
    signature: null,
    lastSeenMs: 0,
  };
  return { ...record, signature: identity.sign(recordBytes(record)) };
}

function print(what: string, values: readonly number[], unit: string): void {
  const sorted = values.toSorted((left, right) => left - right);
  const [low, median, high] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const spread = values.length < 2 ? "" : ` (${short(low)}–${short(high)})`;
  console.log(`${what}: ${short(median)} ${unit}${spread}`);
}

function short(value: number | undefined): string {
  return (value ?? 0).toPrecision(3);
}
