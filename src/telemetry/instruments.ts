import type { Counter, Histogram, Meter } from "@opentelemetry/api";

/**
 * Everything that is recorded as it happens, with its name, unit and meaning; what parts are asked
 * for stands in `rest/node-figures.ts`. No label holds the name of a peer or a register.
 * The first seven, with the rejections, are the reference service's, by its names.
 */
export interface Instruments {
  heartbeatLatency: Histogram;
  heartbeatRejections: Counter;
  syncDuration: Histogram;
  syncDockets: Counter;
  pushDelivered: Counter;
  pushFailed: Counter;
  failovers: Counter;
  dockets: Counter;
  transactions: Counter;
  bytes: Counter;
  verifySeconds: Histogram;
  commitSeconds: Histogram;
  rpcClientSeconds: Histogram;
  rpcServerSeconds: Histogram;
  refusals: Counter;
  bans: Counter;
  quarantines: Counter;
  gossipDuplicates: Counter;
  gossipTaken: Counter;
  pendingEvictions: Counter;
}

/** Bounds of buckets: a page takes milliseconds, a sync may take hours. */
const workSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const syncSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400];
const latencyMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 30_000];

export function makeInstruments(meter: Meter): Instruments {
  const counter = (name: string, about: string) =>
    meter.createCounter(name, { description: about });
  const seconds = (name: string, buckets: number[], description: string) =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: buckets },
    });
  return {
    heartbeatLatency: meter.createHistogram("peer.heartbeat.latency", {
      description: "Time until a peer answered a heartbeat of ours, in milliseconds",
      unit: "ms",
      advice: { explicitBucketBoundaries: latencyMs },
    }),
    heartbeatRejections: counter(
      "peer.heartbeat.rejections",
      "Heartbeats of others that were not accepted here, by reason",
    ),
    syncDuration: seconds(
      "peer.sync.duration",
      syncSeconds,
      "Time from the first question for a register until it was level with its source",
    ),
    syncDockets: counter(
      "peer.sync.blueprints.count",
      "Dockets that a sync brought; the name is the reference service's",
    ),
    pushDelivered: counter(
      "peer.push.notifications.delivered",
      "New dockets and heads handed to peers that follow a register here",
    ),
    pushFailed: counter(
      "peer.push.notifications.failed",
      "Followers that read too slowly for the news: they read the table instead",
    ),
    failovers: counter("peer.failover.count", "Sources left for another one, by reason"),
    dockets: counter(
      "peer.dockets",
      "Dockets by direction: in and own were stored, out was served",
    ),
    transactions: counter("peer.transactions", "Transactions by direction"),
    bytes: counter("peer.docket.bytes", "Bytes of dockets with their transactions by direction"),
    verifySeconds: seconds(
      "peer.verify.duration",
      workSeconds,
      "Time until a page of dockets was verified, its wait for a thread included",
    ),
    commitSeconds: seconds(
      "peer.commit.duration",
      workSeconds,
      "Time until a verified page was durable in the database",
    ),
    rpcClientSeconds: seconds(
      "peer.rpc.client.duration",
      callSeconds,
      "Time until a peer answered a call, for streams their first answer, by method and status",
    ),
    rpcServerSeconds: seconds(
      "peer.rpc.server.duration",
      callSeconds,
      "Time until a peer's call was answered, for streams the first answer, by method and status",
    ),
    refusals: counter("peer.refusals", "What was refused, by what it was and by code"),
    bans: counter("peer.bans", "Peers banned, by reason"),
    quarantines: counter("peer.quarantines", "Peers put in quarantine, by reason"),
    ...distributionCounters(counter),
  };
}

function distributionCounters(counter: (name: string, about: string) => Counter) {
  return {
    gossipDuplicates: counter(
      "peer.gossip.duplicates",
      "Announcements of transactions that were all known here",
    ),
    gossipTaken: counter(
      "peer.gossip.transactions",
      "Transactions of peers that were found true and wait for their docket",
    ),
    pendingEvictions: counter(
      "peer.pending.evictions",
      "Pending transactions of peers that left without a docket, by reason",
    ),
  };
}
