/**
 * This node's place in the mesh. Owns the one `Mesh` with the book, the channels and the door for
 * callers, and the timer that stores what changed. `node.ts` opens it; RPC handlers, replication
 * and REST ask it. What it tells and whom it wakes are functions from above: it knows no register.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import { messageOf } from "../base/error.ts";
import { dice } from "../base/prng.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import type { Sql } from "../store/database.ts";
import { sql } from "../store/sql.ts";
import type { Outgoing } from "../trust/outgoing.ts";
import { type Address, addressText, parseAddress, scopeOf } from "./address.ts";
import type { Advert } from "./advert.ts";
import * as advertSettings from "./advert-settings.ts";
import * as bookHolder from "./book.ts";
import * as channelHolder from "./channels.ts";
import { Discovery } from "./discovery.ts";
import { ExternalAddress } from "./external-address.ts";
import { Gate } from "./gate.ts";
import { greet } from "./handshake.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";
import { type Identity, isRecordGenuine } from "./identity.ts";
import type { JournalEntry } from "./journal.ts";
import { refusalText } from "./learned.ts";
import { mayDial } from "./may-dial.ts";
import { meet } from "./meet.ts";
import { Mesh } from "./mesh.ts";
import { OwnRecord } from "./own-record.ts";
import { loadPeers } from "./peers-table.ts";
import { replicationProtocol } from "./record.ts";
import { Saving } from "./saving.ts";
import { askStun } from "./stun.ts";

export interface NetworkOptions {
  identity: Identity;
  /** How we show ourselves to peers, and know them. */
  outgoing: Outgoing;
  /** What the listener is bound to. */
  host: string;
  /** Where others reach us, by the operator's word; null: found out. */
  announced: { host: string; port: number | null } | null;
  /** An address of this machine, for when it listens on all of them. */
  machineHost: string;
  seeds: readonly string[];
  outboundMax: number;
  /** Whether addresses of private networks are dialled when strangers tell them. */
  allowPrivate: boolean;
  stunServers: readonly string[];
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
  /** Keeps what happened to peers, for those who ask why. */
  storeEvents: (entries: readonly JournalEntry[]) => Promise<void>;
}

interface Network {
  options: NetworkOptions;
  mesh: Mesh;
  gate: Gate;
  discovery: Discovery;
  ownRecord: OwnRecord;
  heartbeat: HeartbeatOptions;
  external: ExternalAddress;
  saving: Saving;
  duties: { stop: () => Promise<void> }[];
}

/** Between two writes of what changed in the book: a crash forgets at most this much. */
const saveMs = 5_000;
const stunMs = 10 * 60_000;
const log = logFor("peers");
let network: Network | null = null;
let listeningPort = 0;

/** Loads the book. Nothing is dialled before `start`, so that the listener can be there first. */
export async function open(options: NetworkOptions): Promise<void> {
  assert(network === null, "the network is opened once");
  await openBook(options);
  await advertSettings.open();
  channelHolder.open(
    new channelHolder.Channels({
      openChannel: (address, peerId) => {
        const { channel, meeting } = meet(address, { ...options, peerId });
        return { channel, lostTrust: () => meeting.lostTrust() };
      },
      clock: options.clock,
    }),
  );
  const external = new ExternalAddress({
    configured: options.announced?.host ?? null,
    bound: options.host,
    own: options.machineHost,
  });
  const ownRecord = new OwnRecord({
    identity: options.identity,
    host: () => external.host,
    port: () => options.announced?.port ?? listeningPort,
    protocols: options.speaksReplication ? ["GrpcStream", replicationProtocol] : ["GrpcStream"],
    nowMs: () => options.clock.nowMs(),
    publicAdverts: () => options.localAdverts(null),
  });
  const heartbeat = heartbeatOf(options);
  const mesh = makeMesh(options, { ownRecord, heartbeat, external });
  const discovery = makeDiscovery(options, { ownRecord });
  const gate = new Gate({ book: bookHolder.book() });
  const { clock, storeEvents } = options;
  const saving = new Saving({ book: bookHolder.book(), log, storeEvents });
  const duties = [every(saveMs, { clock, tick: () => saving.save() })];
  network = { options, mesh, gate, discovery, ownRecord, heartbeat, external, saving, duties };
}

/** Begins to reach out, now that our own listener is there. */
export function start(listening: { port: number }): void {
  listeningPort = listening.port;
  const { mesh, options, duties } = opened();
  mesh.start();
  if (options.stunServers.length === 0) return;
  const looking = every(stunMs, { clock: options.clock, tick: lookFromOutside });
  looking.now();
  duties.push(looking);
}

export async function close(): Promise<void> {
  const closing = network;
  await closing?.mesh.stop();
  for (const duty of closing?.duties ?? []) await duty.stop();
  if (closing !== null) await save({ all: true });
  network = null;
  channelHolder.close();
  bookHolder.close();
  advertSettings.close();
}

/** What we hold has changed: everybody hears now. Nothing happens while the network is closed. */
export function tellSoon(): void {
  network?.mesh.tellSoon();
}

export function mesh(): Mesh {
  return opened().mesh;
}

export function gate(): Gate {
  return opened().gate;
}

export function discovery(): Discovery {
  return opened().discovery;
}

export function ownRecord(): OwnRecord {
  return opened().ownRecord;
}

export function heartbeatOptions(): HeartbeatOptions {
  return opened().heartbeat;
}

/** Stores what changed in the book: at once where an operator waits for it. */
export async function save(options: { all?: boolean } = {}): Promise<void> {
  await opened().saving.save(options);
}

/** Stores an operator's order, then does it; one that can't be stored is not done. */
export function carryOut<T>(write: (sql: Sql) => Promise<void>, change: () => T): Promise<T> {
  return opened().saving.carryOut(write, change);
}

async function openBook(options: NetworkOptions): Promise<void> {
  const { identity, clock, allowPrivate } = options;
  const nowMs = () => clock.nowMs();
  const book = new bookHolder.Book({
    ownId: identity.nodeId,
    nowMs,
    isGenuine: isRecordGenuine,
    mayDial: (host) => allowPrivate || scopeOf(host) !== "private",
    secret: randomBytes(16).toString("hex"),
    onConflict: ({ peerId, teller }) =>
      log.warn(
        { peerId, teller, reason: refusalText("key-mismatch", peerId) },
        "Another key claims a known name",
      ),
  });
  bookHolder.open(book);
  for (const peer of await loadPeers(sql(), { nowMs: nowMs(), countMax: limits.peers })) {
    book.restore(peer);
  }
}

function heartbeatOf(options: NetworkOptions): HeartbeatOptions {
  const { clock } = options;
  return {
    nodeId: options.identity.nodeId,
    book: bookHolder.book(),
    localAdverts: options.localAdverts,
    provesPeers: options.outgoing.provesPeers,
    metrics: options.metrics,
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    wake: options.wake,
    beatSoon: (peerId) => mesh().beatSoon(peerId),
    showedItself: (peerId) => mesh().showedItself(peerId),
  };
}

function makeDiscovery(options: NetworkOptions, made: { ownRecord: OwnRecord }): Discovery {
  return new Discovery({
    nodeId: options.identity.nodeId,
    book: bookHolder.book(),
    ownRecord: () => made.ownRecord.current(),
    nowMs: () => options.clock.nowMs(),
    monotonicMs: () => options.clock.monotonicMs(),
    dice,
    dialSoon: (peerId) => mesh().dialSoon(peerId),
    hear: (records, tellerHost) => mesh().hear(records, tellerHost),
  });
}

function makeMesh(
  options: NetworkOptions,
  made: { ownRecord: OwnRecord; heartbeat: HeartbeatOptions; external: ExternalAddress },
): Mesh {
  return new Mesh({
    ...options,
    book: bookHolder.book(),
    channels: channelHolder.channels(),
    seeds: options.seeds.flatMap((seed): Address[] => {
      const address = parseAddress(seed);
      return address === null ? [] : [address];
    }),
    heartbeat: made.heartbeat,
    greet: async (address, signal) =>
      greet(address, {
        identity: options.identity,
        meet: (text) => meet(text, { ...options, peerId: null }),
        ownRecord: () => made.ownRecord.current(),
        onKnown: (seq) => made.ownRecord.outgrow(seq),
        onSeen: (peerId, host) => {
          const peer = bookHolder.book().get(peerId);
          const isSeed = options.seeds.includes(addressText(address)) || peer?.isSeed === true;
          const isTrusted = isSeed || peer?.isManual === true;
          made.external.note(peerId, { host, voterHost: address.host, isTrusted });
        },
        timeoutMs: options.connectTimeoutMs,
        signal,
        useReplication: options.speaksReplication,
      }),
    mayDial: (host) => mayDial(host, options),
    dice,
    log,
  });
}

async function lookFromOutside(signal: AbortSignal): Promise<void> {
  const { options, external } = opened();
  for (const text of options.stunServers) {
    const server = parseAddress(text);
    if (server === null) continue;
    try {
      const seen = await askStun(server, { clock: options.clock, timeoutMs: 5_000, signal });
      const before = external.host;
      external.noteServer(seen.host);
      if (external.host !== before)
        log.info({ host: seen.host, server: text }, "Seen from outside");
      return;
    } catch (error) {
      log.warn({ server: text, reason: messageOf(error) }, "A STUN server was of no help");
    }
  }
}

function opened(): Network {
  assert(network !== null, "the network is open");
  return network;
}
