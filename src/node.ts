/**
 * The node: opens the floors from low to high and closes them from high to low. This file is the
 * table of contents in executable form. What a lower floor needs from a higher one it gets here as
 * a plain function; these are all:
 *   localAdverts   peers/ ← replication/    what we hold and a peer may know of
 *   wake           peers/ ← replication/    a peer has news of these registers
 *   takeIn         sealing/ ← replication/  the one road, for dockets that we seal ourselves
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "./base/error.ts";
import { dice } from "./base/prng.ts";
import { hostOfGrpcPeer, parseAddress, scopeOf } from "./peers/address.ts";
import { sourcesOf } from "./peers/adverts.ts";
import { isEverywhere } from "./peers/external-address.ts";
import { answerHello } from "./peers/handshake.ts";
import { type Identity, loadIdentity } from "./peers/identity.ts";
import type { JournalEntry } from "./peers/journal.ts";
import * as network from "./peers/network.ts";
import { reachNewSeeds } from "./peers/new-seeds.ts";
import { appendEvents, type NodeEvent, trimEvents } from "./registers/events-table.ts";
import * as feed from "./registers/feed.ts";
import * as heads from "./registers/heads.ts";
import { finishPurges } from "./registers/purge.ts";
import { bindRegister, reportSource } from "./replication/binding.ts";
import { localAdverts } from "./replication/local-adverts.ts";
import { healthMetrics } from "./replication/node-health.ts";
import { reconnect, rediscover } from "./replication/rescue.ts";
import { makeRoad, type Road } from "./replication/road.ts";
import * as subscriptions from "./replication/subscriptions.ts";
import * as watching from "./replication/watching.ts";
import * as rest from "./rest/app.ts";
import { nodeSource } from "./rest/node-source.ts";
import { discoveryHandlers } from "./rpc/discovery.ts";
import { docketSyncHandlers } from "./rpc/docket-sync.ts";
import { heartbeatHandlers } from "./rpc/heartbeat.ts";
import { registerSyncHandlers } from "./rpc/register-sync.ts";
import { replicationHandlers } from "./rpc/replication.ts";
import type { FollowState } from "./rpc/served.ts";
import * as rpc from "./rpc/server.ts";
import { systemClock } from "./runtime/clock.ts";
import type { Config } from "./runtime/config.ts";
import { openDataDir } from "./runtime/data-dir.ts";
import { limits } from "./runtime/limits.ts";
import * as logHolder from "./runtime/log.ts";
import { version } from "./runtime/version.ts";
import { coreCount, machineAddress, processId } from "./runtime/vitals.ts";
import * as origin from "./sealing/origin.ts";
import { migrate } from "./store/migrate.ts";
import * as store from "./store/sql.ts";
import { openTokens } from "./trust/token-rules.ts";
import { openTrust, type Trust } from "./trust/trust.ts";
import type { HelloRequest } from "./wire/messages.ts";
import type { Caller, Handler } from "./wire/serve.ts";
import * as workers from "./workers/pool.ts";

export interface RunningNode {
  nodeId: string;
  httpUrl: string;
  /** host:port */
  grpcAddress: string;
  /** Takes over log level, seeds, rates and token keys; what else differs waits for a start. */
  reload(config: Config): Promise<void>;
  close(): Promise<void>;
}

export interface NodeOptions {
  workerUrls: { verify: URL; embedded: URL };
}

/** Where a running node tells the commands beside it how it is reached. */
export const runFile = "run.json";

/** Opens everything; when a step fails, what was opened before it is closed again. */
export async function open(config: Config, options: NodeOptions): Promise<RunningNode> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of closers.splice(0).reverse()) {
      await Promise.resolve(closeOne()).catch((error) => {
        logHolder.logFor("node").error({ err: messageOf(error) }, "A part did not close well");
      });
    }
  };
  try {
    return { ...(await openFloors(config, { ...options, closers })), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Closers = (() => void | Promise<void>)[];

async function openFloors(
  config: Config,
  options: NodeOptions & { closers: Closers },
): Promise<Omit<RunningNode, "close">> {
  const { closers } = options;
  const dataDir = await openDataDir(config.dataDir);
  closers.push(dataDir.release);
  const identity = await loadIdentity(dataDir, config.nodeId);
  const tokens = await openTokens(config, dataDir.path);
  logHolder.open({ level: config.logLevel, nodeId: identity.nodeId });
  closers.push(logHolder.close);

  const log = logHolder.logFor("trust");
  const told = { identity, jwtKey: tokens.rules.key, isRevoked: tokens.rules.isRevoked };
  const trust = await openTrust(config, { ...told, clock: systemClock, log });
  closers.push(trust.close);
  await openStore(config, { ...options, dataDir: dataDir.path });
  workers.open({ threadUrl: options.workerUrls.verify, count: workerCount(config) });
  closers.push(workers.close);
  await network.open(networkOptions(config, { identity, trust }));
  closers.push(network.close);
  const road = tellingRoad(makeRoad({ ...config, clock: systemClock }));
  await origin.open({
    nodeId: identity.nodeId,
    signer: identity.signer,
    sealCount: config.sealCount,
    sealMs: config.sealMs,
    clock: systemClock,
    takeIn: (page) => road.takeIn({ ...page, isOrigin: true }),
  });
  closers.push(origin.close);
  await subscriptions.open(loopOptions(config, { identity, road }));
  closers.push(subscriptions.close);
  watching.open({ clock: systemClock, dice });
  closers.push(watching.close);

  const grpc = await rpc.open({
    host: config.host,
    port: config.grpcPort,
    handlers: rpcHandlers(config, identity),
    showDetails: !config.production,
    isServing: () => true,
    tls: trust.tls,
    identify: (shown) => trust.gatekeeper.identify(shown),
    admit: (caller) => network.gate().enter(caller),
  });
  closers.push(rpc.close);
  const grpcAddress = `${config.host}:${grpc.port}`;
  const { url } = await rest.open({
    host: config.host,
    port: config.httpPort,
    jwt: tokens.rules,
    source: nodeSource({
      nodeId: identity.nodeId,
      version,
      grpcAddress,
      revokeToken: tokens.revoke,
      trustStatus: trust.status,
      takeIn: road.takeIn,
    }),
    nowMs: () => systemClock.nowMs(),
    isProduction: config.production,
    managePeersByOrg: config.managePeersByOrg,
    protection: config,
  });
  closers.push(rest.close);
  network.start({ port: grpc.port });
  await tellCommands(dataDir.path, { nodeId: identity.nodeId, httpUrl: url, grpcAddress });
  closers.push(() => rm(join(dataDir.path, runFile), { force: true }));
  const reload = async (next: Config) => {
    logHolder.setLevel(next.logLevel);
    rest.changeRates(next);
    await tokens.reload(next);
    reachNewSeeds(next.seeds);
  };
  return { nodeId: identity.nodeId, httpUrl: url, grpcAddress, reload };
}

/** The road, which also tells the mesh at once of a register that was not here before. */
function tellingRoad(road: Road): Road {
  return {
    ...road,
    takeIn: async (page) => {
      const isNew = heads.registerOf(page.registerId) === null;
      const taken = await road.takeIn(page);
      if (isNew && taken.ok) network.mesh().tellSoon();
      return taken;
    },
  };
}

/** What peers may ask. What is not listed answers UNIMPLEMENTED. */
function rpcHandlers(config: Config, identity: Identity): Handler[] {
  const ownRecord = () => network.ownRecord().current();
  const serve = { nodeId: identity.nodeId, subscriptionOf: followState };
  const hello = (request: HelloRequest, caller: Caller) =>
    answerHello(request, { identity, ownRecord, observedHost: hostOfGrpcPeer(caller.address) });
  return [
    ...discoveryHandlers(network.discovery),
    ...heartbeatHandlers(network.heartbeatOptions, { clock: systemClock }),
    ...registerSyncHandlers(serve),
    ...docketSyncHandlers({ ...serve, clock: systemClock }),
    ...(config.replicationProtocol ? replicationHandlers({ ...serve, hello }) : []),
  ];
}

function followState(registerId: string): FollowState | null {
  const status = subscriptions.subscriptionOf(registerId);
  if (status === null) return null;
  const { syncState, isReceiving, lastSyncAt } = status;
  return {
    syncState,
    isReceiving,
    lastSyncAtMs: lastSyncAt === null ? null : Date.parse(lastSyncAt),
  };
}

async function openStore(
  config: Config,
  options: NodeOptions & { closers: Closers; dataDir: string },
): Promise<void> {
  await store.open({
    connection: config.dbConnection,
    schema: config.dbSchema,
    poolSize: config.dbPoolSize,
    dataDir: options.dataDir,
    embeddedThreadUrl: options.workerUrls.embedded,
  });
  options.closers.push(store.close);
  await migrate();
  await heads.open();
  options.closers.push(heads.close);
  feed.open();
  options.closers.push(feed.close);
  await finishPurges();
}

function networkOptions(
  config: Config,
  given: { identity: Identity; trust: Trust },
): network.NetworkOptions {
  const { advertise } = config;
  const bare = { host: advertise?.replace(/^\[|\]$/g, "") ?? "", port: null };
  const announced = advertise === undefined ? null : (parseAddress(advertise) ?? bare);
  const machineHost = machineAddress() ?? "127.0.0.1";
  const listens = isEverywhere(config.host) ? machineHost : config.host;
  return {
    ...config,
    identity: given.identity,
    outgoing: given.trust.outgoing,
    announced,
    machineHost,
    allowPrivate: config.allowPrivate ?? scopeOf(announced?.host ?? listens) === "private",
    speaksReplication: config.replicationProtocol,
    clock: systemClock,
    localAdverts,
    wake: wakeAll,
    metrics: () => healthMetrics(config.dataDir),
    storeEvents: (entries) => storeEvents(entries.map(eventOf)),
  };
}

/** An entry of a peer's journal in the words of the common log. */
function eventOf(entry: JournalEntry): NodeEvent {
  const { peerId, type, message, atMs, lastAtMs, count, untilMs, facts } = entry;
  const points = { pointsBefore: entry.pointsBefore, pointsAfter: entry.pointsAfter };
  return {
    registerId: null,
    peerId,
    type,
    message,
    atMs: Math.round(atMs),
    facts: { ...facts, ...points, count, lastAtMs: Math.round(lastAtMs), untilMs },
  };
}

async function storeEvents(events: readonly NodeEvent[]): Promise<void> {
  await appendEvents(store.sql(), events);
  await trimEvents(store.sql(), limits.storedEvents);
}

function loopOptions(
  config: Config,
  given: { identity: Identity; road: Road },
): subscriptions.SharedLoopOptions {
  const bound = { ...config, nodeId: given.identity.nodeId, road: given.road, clock: systemClock };
  return {
    clock: systemClock,
    dice,
    report: reportSource,
    forRegister: (registerId, genesisHash) => bindRegister({ registerId, genesisHash }, bound),
    isKnown: (registerId) => sourcesOf(registerId).length > 0,
    reconnect,
    rediscover: (registerId) => void rediscover(registerId, given.identity.nodeId),
    onState: () => network.mesh().tellSoon(),
  };
}

function wakeAll(registerIds: readonly string[]): void {
  for (const registerId of registerIds) subscriptions.wake(registerId);
}

/** More threads than cores only swap places; the main thread needs a share of them too. */
function workerCount(config: Config): number {
  return config.workers ?? Math.min(8, coreCount());
}

async function tellCommands(
  dataDir: string,
  run: { nodeId: string; httpUrl: string; grpcAddress: string },
): Promise<void> {
  const text = JSON.stringify({ pid: processId(), ...run });
  await writeFile(join(dataDir, runFile), `${text}\n`, { mode: 0o600 });
}
