/**
 * The node: opens the floors from low to high and closes them from high to low. This file is the
 * table of contents in executable form. What a lower floor needs from a higher one it gets here as
 * a plain function; these are all:
 *   localAdverts   peers/ ← replication/    what we hold and a peer may know of
 *   wake           peers/, sealing/ ← replication/  a peer has news of these registers
 *   takeIn         sealing/ ← replication/  the one road, for dockets that we seal ourselves
 *   keepUp         sealing/ ← replication/  follow what we help to seal
 *   takePending    distribution/ → sealing/ a peer's transaction waits for a docket
 *   deliver        sealing/ → distribution/ our own transaction waits for others to seal it
 *   mayRead        distribution/ ← replication/  who may know of a register
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "./base/error.ts";
import { dice } from "./base/prng.ts";
import * as distribution from "./distribution/distribution.ts";
import { sourcesOf } from "./peers/adverts.ts";
import { announcing } from "./peers/announcing.ts";
import { type Identity, loadIdentity } from "./peers/identity.ts";
import * as network from "./peers/network.ts";
import { reachNewSeeds } from "./peers/new-seeds.ts";
import * as post from "./peers/post.ts";
import * as damage from "./registers/damage.ts";
import * as feed from "./registers/feed.ts";
import * as heads from "./registers/heads.ts";
import * as hotCache from "./registers/hot-cache.ts";
import * as purge from "./registers/purge.ts";
import { bindRegister, reportSource, upkeepOptions } from "./replication/binding.ts";
import * as budgets from "./replication/budgets.ts";
import { keepUp } from "./replication/keep-up.ts";
import { localAdverts, mayRead } from "./replication/local-adverts.ts";
import * as nodeHealth from "./replication/node-health.ts";
import { keepNodeEvent, storePeerEvents } from "./replication/peer-events.ts";
import { reconnect, rediscover } from "./replication/rescue.ts";
import { makeRoad, type Road } from "./replication/road.ts";
import * as subscriptions from "./replication/subscriptions.ts";
import { tellingRoad } from "./replication/telling-road.ts";
import * as upkeep from "./replication/upkeep.ts";
import * as watching from "./replication/watching.ts";
import * as rest from "./rest/app.ts";
import { observeNode } from "./rest/node-figures.ts";
import { nodeSource } from "./rest/node-source.ts";
import type { LoadPage } from "./rest/page.ts";
import { nodeHandlers } from "./rpc/handlers.ts";
import * as rpc from "./rpc/server.ts";
import { systemClock } from "./runtime/clock.ts";
import type { Config, SettingView } from "./runtime/config.ts";
import { openDataDir, writeSecret } from "./runtime/data-dir.ts";
import { refuseTakenPorts } from "./runtime/free-ports.ts";
import * as logHolder from "./runtime/log.ts";
import { version } from "./runtime/version.ts";
import { coreCount, machineAddress, processId } from "./runtime/vitals.ts";
import * as origin from "./sealing/origin.ts";
import * as threshold from "./sealing/threshold/threshold.ts";
import { migrate } from "./store/migrate.ts";
import * as store from "./store/sql.ts";
import * as telemetry from "./telemetry/telemetry.ts";
import { currentTraceId } from "./telemetry/tracer.ts";
import { openTokens, type Tokens } from "./trust/token-rules.ts";
import { openTrust, type Trust } from "./trust/trust.ts";
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
  /** The dashboard's files; left out: there is none. */
  loadPage?: LoadPage;
  /** What is in force and where it comes from, for operators; left out: nobody tells. */
  listSettings?: () => SettingView[];
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
  await refuseTakenPorts(config);
  const identity = await loadIdentity(dataDir, config.nodeId);
  const tokens = await openTokens(config, dataDir.path);
  logHolder.open({ level: config.logLevel, nodeId: identity.nodeId, traceId: currentTraceId });
  closers.push(logHolder.close);
  closers.push(telemetry.open(config, { nodeId: identity.nodeId, clock: systemClock }).close);
  const log = logHolder.logFor("trust");
  const told = { identity, jwtKey: tokens.rules.key, isRevoked: tokens.rules.isRevoked };
  const trust = await openTrust(config, { ...told, clock: systemClock, log });
  closers.push(trust.close);
  await openStore(config, { ...options, dataDir: dataDir.path });
  workers.open({ threadUrl: options.workerUrls.verify, count: workerCount(config) });
  closers.push(workers.close);
  await network.open(networkOptions(config, { identity, trust }));
  closers.push(network.close);
  post.open({ ...config, identity, clock: systemClock });
  closers.push(post.close);
  const { nodeId } = identity;
  const isPaused = (id: string) => subscriptions.subscriptionOf(id)?.pausedAt != null;
  const handed = { mayRead, isPaused, takePending: origin.takePending, keepEvent: keepNodeEvent };
  distribution.open({ ...config, ...handed, nodeId, clock: systemClock });
  closers.push(distribution.close);
  const road = tellingRoad(makeRoad({ ...config, clock: systemClock }), systemClock);
  await origin.open({
    ...config,
    nodeId,
    signer: identity.signer,
    clock: systemClock,
    takeIn: road.takeIn,
    deliver: distribution.deliver,
    ...{ wake: subscriptions.wake, keepUp, groupOf: threshold.groupOf },
  });
  closers.push(origin.close);
  await threshold.open({ identity, clock: systemClock });
  closers.push(threshold.close);
  budgets.open(config, systemClock);
  closers.push(budgets.close);
  await subscriptions.open(loopOptions(config, { identity, road }));
  closers.push(subscriptions.close);
  watching.open({ clock: systemClock, dice });
  closers.push(watching.close);
  await upkeep.open(upkeepOptions(config, { identity, road, clock: systemClock, dice }));
  closers.push(upkeep.close);
  nodeHealth.open({ ...config, clock: systemClock, trustStatus: trust.status });
  closers.push(nodeHealth.close);
  const doors = await openDoors(config, { ...options, identity, trust, tokens, road });
  const run = { nodeId, ...doors };
  await tellCommands(dataDir.path, run);
  closers.push(() => rm(join(dataDir.path, runFile), { force: true }));
  const reload = async (next: Config) => {
    logHolder.setLevel(next.logLevel);
    rest.changeRates(next);
    budgets.change(next);
    await tokens.reload(next);
    reachNewSeeds(next.seeds);
  };
  return { ...run, reload };
}

/** The listeners, for peers and for operators; once they are there, this node reaches out. */
async function openDoors(
  config: Config,
  given: NodeOptions & {
    closers: Closers;
    identity: Identity;
    trust: Trust;
    tokens: Tokens;
    road: Road;
  },
): Promise<{ httpUrl: string; grpcAddress: string }> {
  const { closers, identity, trust, tokens, road } = given;
  const grpc = await rpc.open({
    host: config.host,
    port: config.grpcPort,
    handlers: nodeHandlers({
      identity,
      replicationProtocol: config.replicationProtocol,
      clock: systemClock,
    }),
    showDetails: !config.production,
    isServing: async () => (await store.health().check()) === null,
    tls: trust.tls,
    identify: (shown) => trust.gatekeeper.identify(shown),
    admit: (caller) => network.gate().enter(caller),
    keepEvent: keepNodeEvent,
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
      listSettings: given.listSettings ?? (() => []),
      takeIn: road.takeIn,
    }),
    nowMs: () => systemClock.nowMs(),
    isProduction: config.production,
    managePeersByOrg: config.managePeersByOrg,
    protection: config,
    ...(given.loadPage === undefined ? {} : { loadPage: given.loadPage }),
  });
  closers.push(rest.close);
  observeNode({ ...config, trustStatus: trust.status, nowMs: () => systemClock.nowMs() });
  network.start({ port: grpc.port });
  return { httpUrl: url, grpcAddress };
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
  hotCache.open({ bytesMax: config.cacheBytes });
  options.closers.push(hotCache.close);
  await damage.open();
  options.closers.push(damage.close);
  feed.open();
  options.closers.push(feed.close);
  options.closers.push(await purge.open());
}

function networkOptions(
  config: Config,
  given: { identity: Identity; trust: Trust },
): network.NetworkOptions {
  return {
    ...config,
    ...announcing(config, machineAddress()),
    identity: given.identity,
    outgoing: given.trust.outgoing,
    speaksReplication: config.replicationProtocol,
    clock: systemClock,
    localAdverts,
    wake: wakeAll,
    metrics: () => nodeHealth.healthMetrics(config.dataDir),
    storeEvents: storePeerEvents,
  };
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
    retention: upkeep.defaultRetention(config),
    forRegister: (registerId, genesisHash) => bindRegister({ registerId, genesisHash }, bound),
    isKnown: (registerId) => sourcesOf(registerId).length > 0,
    reconnect,
    rediscover: (registerId) => void rediscover(registerId, given.identity.nodeId),
    onState: network.tellSoon,
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
  await writeSecret(join(dataDir, runFile), `${text}\n`);
}
