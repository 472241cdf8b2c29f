import { poolFigures } from "../distribution/distribution.ts";
import { sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import { gate } from "../peers/network.ts";
import { post } from "../peers/post.ts";
import { deepestBacklog } from "../registers/feed.ts";
import { listRegisters, registerOf } from "../registers/heads.ts";
import { cacheFigures } from "../registers/hot-cache.ts";
import { amberCodes } from "../replication/ambers.ts";
import { inFlight } from "../replication/in-flight.ts";
import { ambers, databaseMs } from "../replication/node-health.ts";
import { listSubscriptions, type SubscriptionStatus } from "../replication/subscriptions.ts";
import { limits } from "../runtime/limits.ts";
import { diskUsagePercent } from "../runtime/vitals.ts";
import * as origin from "../sealing/origin.ts";
import { observe, type Tell } from "../telemetry/meter.ts";
import type { TrustStatus } from "../trust/trust.ts";
import { waitingPages, waitingPagesMax } from "../workers/pool.ts";
import { eventReaders } from "./app.ts";

/** What metrics tell of the node's parts: asked for when somebody wants to know. */
export function observeNode(options: {
  dataDir: string;
  trustStatus: () => TrustStatus;
  nowMs: () => number;
}): void {
  observePeers();
  observeRegisters();
  observeHealth(options);
  observeCache();
  const dead = "Submitted transactions that were given up, until an operator retries or drops them";
  observe("peer.queue.dead", { description: dead }, (tell) => tell(origin.queue().deadCount));
  const depth = "Things that wait in a bounded queue";
  observe("peer.queue.depth", { description: depth }, (tell) => {
    for (const { queue, depth: count } of queues()) tell(count, { queue });
  });
  observe("peer.queue.capacity", { description: "How much a queue takes" }, (tell) => {
    for (const { queue, capacity } of queues()) tell(capacity, { queue });
  });
}

/** Where one register or reader has a queue of its own, the fullest one is told. */
function queues(): { queue: string; depth: number; capacity: number }[] {
  const pool = poolFigures();
  const readers = eventReaders();
  return [
    { queue: "sealing", depth: origin.queueSize(), capacity: limits.queuedTransactions },
    { queue: "sealing-inbox", depth: origin.deepestInbox(), capacity: limits.sealingInbox },
    { queue: "pending", depth: pool.count, capacity: limits.pendingTransactions },
    { queue: "pending-bytes", depth: pool.bytes, capacity: limits.pendingBytes },
    { queue: "fetching", depth: pool.fetching, capacity: limits.gossip.wanted },
    { queue: "telling", depth: pool.telling, capacity: limits.gossip.news },
    { queue: "lines-bytes", depth: post().waitingBytes, capacity: limits.lines.bytesOfAll },
    { queue: "storing-bytes", depth: inFlight.bytes, capacity: limits.inFlightBytes },
    { queue: "verifying", depth: waitingPages(), capacity: waitingPagesMax },
    { queue: "feed", depth: deepestBacklog(), capacity: limits.feedBacklog },
    { queue: "event-readers", depth: readers.count, capacity: limits.eventStreams },
    { queue: "events", depth: readers.deepestBacklog, capacity: limits.keptNews },
  ];
}

function observeCache(): void {
  const size = "What the hot cache holds, by kind";
  observe("peer.cache.size", { description: size }, (tell) => {
    const { hits: _, misses: __, ...sizes } = cacheFigures();
    for (const [kind, count] of Object.entries(sizes)) tell(count, { kind });
  });
  const reads = "Reads of dockets by whether the hot cache had them";
  observe("peer.cache.reads", { description: reads, isCounter: true }, (tell) => {
    const { hits, misses } = cacheFigures();
    tell(hits, { result: "hit" });
    tell(misses, { result: "miss" });
  });
}

/** 0: nobody to talk to · 1: connected · 2: there are peers, and none is reached. */
function connectionStatus(): number {
  if (book().connected().length > 0) return 1;
  return book().usable().length > 0 ? 2 : 0;
}

function observePeers(): void {
  const status = "1 connected to a peer, 2 isolated: peers are known and none is reached, 0 alone";
  observe("peer.connection.status", { description: status }, (tell) => tell(connectionStatus()));
  observe("peer.peers", { description: "Peers in the address book by state" }, (tell) => {
    const peers = book().list();
    const count = (is: (peer: (typeof peers)[number]) => boolean) => peers.filter(is).length;
    tell(
      count((peer) => peer.connection === "connected"),
      { state: "connected" },
    );
    tell(
      count((peer) => peer.connection !== "connected"),
      { state: "not-connected" },
    );
    tell(
      count((peer) => peer.isBanned),
      { state: "banned" },
    );
    tell(
      count((peer) => book().isResting(peer)),
      { state: "quarantined" },
    );
  });
  observe("peer.connections", { description: "Connections by who made them" }, (tell) => {
    tell(gate().connectionCount(), { direction: "in" });
    tell(channels().count(), { direction: "out" });
  });
  observe("peer.circuits", { description: "Peers by the state of their circuit" }, (tell) => {
    for (const [state, count] of Object.entries(channels().circuitCounts())) tell(count, { state });
  });
}

/** Public registers have metrics of their own, up to a bound: anybody may read metrics. */
function observeRegisters(): void {
  observe("peer.registers", { description: "Registers held here" }, (tell) =>
    tell(listRegisters().length),
  );
  observe("peer.subscriptions", { description: "Subscriptions by state" }, (tell) => {
    const subscriptions = listSubscriptions();
    for (const state of ["Subscribing", "Syncing", "FullyReplicated", "Active", "Error"]) {
      tell(subscriptions.filter((one) => one.syncState === state).length, { state });
    }
  });
  const height = "Dockets of a public register up to its head; the first subscribed ones only";
  observe("peer.register.height", { description: height }, (tell) => {
    for (const registerId of ownSeries()) {
      tell((registerOf(registerId)?.headNumber ?? -1) + 1, { register_id: registerId });
    }
  });
  const lag = "Dockets that a public register is behind its sources, as they say";
  observe("peer.register.lag", { description: lag }, (tell) => tellLags(tell));
  const largest = "The largest lag of any subscribed register, private ones included";
  observe("peer.register.lag.largest", { description: largest }, (tell) =>
    tell(Math.max(0, ...listSubscriptions().map(lagOf))),
  );
  const sources = "Subscribed registers by how many peers they could be had from";
  observe("peer.register.sources", { description: sources }, (tell) => {
    const counts = listSubscriptions().map(({ registerId }) => sourcesOf(registerId).length);
    tell(counts.filter((count) => count === 0).length, { sources: "none" });
    tell(counts.filter((count) => count === 1).length, { sources: "one" });
    tell(counts.filter((count) => count > 1).length, { sources: "several" });
  });
}

function tellLags(tell: Tell): void {
  const own = new Set(ownSeries());
  for (const subscription of listSubscriptions()) {
    const { registerId } = subscription;
    if (own.has(registerId)) tell(lagOf(subscription), { register_id: registerId });
  }
}

function lagOf(one: SubscriptionStatus): number {
  return Math.max(0, one.totalDocketsInChain - ((one.lastSyncedDocketVersion ?? -1) + 1));
}

/** Subscribed ones first, then what this node seals itself. */
function ownSeries(): string[] {
  const subscribed = listSubscriptions().map(({ registerId }) => registerId);
  const held = listRegisters().map(({ registerId }) => registerId);
  const ids = [...new Set([...subscribed, ...held])];
  const isPublic = (registerId: string) => registerOf(registerId)?.isPublic === true;
  return ids.filter(isPublic).slice(0, limits.registerSeries);
}

function observeHealth(options: Parameters<typeof observeNode>[0]): void {
  const { dataDir, trustStatus, nowMs } = options;
  observe("peer.degraded", { description: "1 for each warning at present, else 0" }, (tell) => {
    const codes = new Set(
      ambers().flatMap(({ code, level }) => (level === "warning" ? [code] : [])),
    );
    for (const reason of amberCodes) tell(codes.has(reason) ? 1 : 0, { reason });
  });
  const database = "Time that the database took for the least of questions, in seconds";
  observe("peer.database.latency", { description: database, unit: "s" }, (tell) => {
    const ms = databaseMs();
    if (ms !== null) tell(ms / 1_000);
  });
  observe("peer.database.up", { description: "1 while the database answers" }, (tell) =>
    tell(databaseMs() === null ? 0 : 1),
  );
  const disk = "Share of the data directory's disk that is used, 0 to 1";
  observe("peer.disk.usage", { description: disk }, (tell) =>
    tell(diskUsagePercent(dataDir) / 100),
  );
  const ends = "Time until a certificate ends, in seconds; absent without certificates";
  observe("peer.certificate.expiry", { description: ends, unit: "s" }, (tell) => {
    const { certificateExpiresAtMs: own, authorityExpiresAtMs: authority } = trustStatus();
    if (own !== null) tell((own - nowMs()) / 1_000, { certificate: "own" });
    if (authority !== null) tell((authority - nowMs()) / 1_000, { certificate: "authority" });
  });
}
