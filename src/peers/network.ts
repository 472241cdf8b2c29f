/**
 * This node's place in the mesh. Owns the one `Mesh` with the book and the channels under it, and
 * the timer that stores what changed in the book. `node.ts` opens it; RPC handlers and replication
 * ask it. What it tells and whom it wakes are functions from above: it knows no register.
 */
import { assert } from "../base/assert.ts";
import { messageOf } from "../base/error.ts";
import { dice } from "../base/prng.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import { type Address, parseAddress } from "./address.ts";
import type { Advert } from "./advert.ts";
import * as bookHolder from "./book.ts";
import * as channelHolder from "./channels.ts";
import { greet } from "./handshake.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import { type Identity, isRecordGenuine } from "./identity.ts";
import { Mesh } from "./mesh.ts";
import { OwnRecord } from "./own-record.ts";
import { loadPeers, savePeers } from "./peers-table.ts";
import { replicationProtocol } from "./record.ts";

export interface NetworkOptions {
  identity: Identity;
  /** Where others reach us; the port is told at `start` where it is not set apart. */
  host: string;
  port: number | null;
  seeds: readonly string[];
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  exchangeMs: number;
  connectTimeoutMs: number;
  speaksReplication: boolean;
  clock: Clock;
  /** What we hold and the peer may know of; null is anybody. */
  localAdverts: (readerId: string | null) => Advert[];
  wake: (registerIds: readonly string[]) => void;
  metrics: HeartbeatOptions["metrics"];
}

interface Network {
  mesh: Mesh;
  ownRecord: OwnRecord;
  heartbeat: HeartbeatOptions;
  saving: { stop: () => Promise<void> };
}

/** Between two writes of what changed in the book: a crash forgets at most this much. */
const saveMs = 5_000;
const log = logFor("peers");
let network: Network | null = null;
let listeningPort = 0;

/** Loads the book. Nothing is dialled before `start`, so that the listener can be there first. */
export async function open(options: NetworkOptions): Promise<void> {
  assert(network === null, "the network is opened once");
  const { identity, clock } = options;
  const nowMs = () => clock.nowMs();
  const book = new bookHolder.Book({ ownId: identity.nodeId, nowMs, isGenuine: isRecordGenuine });
  bookHolder.open(book);
  channelHolder.open({ nodeId: identity.nodeId });
  for (const peer of await loadPeers(sql(), { nowMs: nowMs(), countMax: limits.peers })) {
    book.restore(peer);
  }
  const ownRecord = new OwnRecord({
    identity,
    host: options.host,
    port: () => options.port ?? listeningPort,
    protocols: options.speaksReplication ? ["GrpcStream", replicationProtocol] : ["GrpcStream"],
    nowMs,
    publicAdverts: () => options.localAdverts(null),
  });
  const heartbeat: HeartbeatOptions = {
    nodeId: identity.nodeId,
    book,
    localAdverts: options.localAdverts,
    metrics: options.metrics,
    nowMs,
    monotonicMs: () => clock.monotonicMs(),
    wake: options.wake,
  };
  const mesh = makeMesh(options, { ownRecord, heartbeat });
  const saving = every(saveMs, { clock, tick: () => saveBook() });
  network = { mesh, ownRecord, heartbeat, saving };
}

/** Begins to reach out, now that our own listener is there. */
export function start(listening: { port: number }): void {
  listeningPort = listening.port;
  opened().mesh.start();
}

export async function close(): Promise<void> {
  const closing = network;
  network = null;
  await closing?.mesh.stop();
  await closing?.saving.stop();
  if (closing !== null) await saveBook();
  channelHolder.close();
  bookHolder.close();
}

export function mesh(): Mesh {
  return opened().mesh;
}

export function ownRecord(): OwnRecord {
  return opened().ownRecord;
}

export function heartbeatOptions(): HeartbeatOptions {
  return opened().heartbeat;
}

function makeMesh(
  options: NetworkOptions,
  made: { ownRecord: OwnRecord; heartbeat: HeartbeatOptions },
): Mesh {
  return new Mesh({
    book: bookHolder.book(),
    channels: channelHolder.channels(),
    seeds: options.seeds.flatMap((seed): Address[] => {
      const address = parseAddress(seed);
      return address === null ? [] : [address];
    }),
    heartbeat: made.heartbeat,
    heartbeatMs: options.heartbeatMs,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs,
    exchangeMs: options.exchangeMs,
    greet: (address, signal) =>
      greet(address, {
        identity: options.identity,
        ownRecord: (observedHost) => made.ownRecord.current(observedHost),
        timeoutMs: options.connectTimeoutMs,
        signal,
        useReplication: options.speaksReplication,
      }),
    clock: options.clock,
    dice,
    log,
  });
}

async function saveBook(): Promise<void> {
  const changed = bookHolder.book().takeDirty();
  await savePeers(sql(), changed).catch((error) => {
    log.warn({ err: messageOf(error), peers: changed.length }, "The address book was not stored");
  });
}

function opened(): Network {
  assert(network !== null, "the network is open");
  return network;
}
