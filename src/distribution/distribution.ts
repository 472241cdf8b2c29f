/**
 * Transactions of this node that no docket holds yet. Owns the one `Gossip` with its pool, and the
 * deliveries of what was submitted here and others seal; it follows the feed and lets go of what a
 * docket holds. `node.ts` opens it; RPC handlers bring in what peers say, sealing takes what waits
 * and hands over what it can't seal itself. It writes nothing: what must survive a crash is in
 * sealing's queue.
 */
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { dice } from "../base/prng.ts";
import { sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import * as network from "../peers/network.ts";
import { post } from "../peers/post.ts";
import { replicationProtocol } from "../peers/record.ts";
import { type RegisterState, registerOf } from "../registers/heads.ts";
import { findTransaction, whichExist } from "../registers/transactions-table.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import {
  duplicateTold,
  pendingEvicted,
  refused,
  transactionsTaken,
} from "../telemetry/recording.ts";
import { checkPending } from "./check.ts";
import { Deliveries } from "./deliveries.ts";
import { blameTeller } from "./faults.ts";
import { type Announcement, type Answer, Gossip, keyOf } from "./gossip.ts";
import { readLetters } from "./letters.ts";
import { type Pending, Pool } from "./pool.ts";
import { dropSealed } from "./sealed.ts";
import { Seen } from "./seen.ts";
import { fetchBody, type Parts, tellPeer } from "./transport.ts";

export interface DistributionOptions {
  nodeId: string;
  /** Peers that hear of a transaction at once. */
  fanoutFactor: number;
  clock: Clock;
  /** Whether the peer may know of the register; null is anybody. */
  mayRead: (register: RegisterState, readerId: string | null) => boolean;
  /** Paused registers are neither told of nor taken for. */
  isPaused: (registerId: string) => boolean;
  /** Peers told of a transaction that waits for its docket here. */
  takePending: (pending: Pending) => void;
  keepEvent: (event: { type: string; message: string; facts: Record<string, unknown> }) => void;
}

interface Distribution {
  options: DistributionOptions;
  gossip: Gossip;
  pool: Pool;
  deliveries: Deliveries;
  /** Who told something on a call that proves who it is: only they can lose standing by it. */
  provenTellers: Seen;
  parts: Map<string, Parts>;
  stopping: AbortController;
  duties: { stop: () => Promise<void> }[];
}

const log = logFor("distribution");
/** Between two lines, and two events, about what was driven out. */
const tellEvictedMs = 10_000;
let current: Distribution | null = null;

export function open(options: DistributionOptions): void {
  assert(current === null, "distribution is opened once");
  const { clock } = options;
  const monotonicMs = () => clock.monotonicMs();
  const onEvicted = evictionTeller(options);
  const pool = new Pool({
    countMax: limits.pendingTransactions,
    bytesMax: limits.pendingBytes,
    ageMs: limits.pendingMs,
    monotonicMs,
    onEvicted,
  });
  const deliveries = new Deliveries(clock);
  const stopping = new AbortController();
  const seenBounds = { ageMs: limits.seenMs, monotonicMs };
  current = {
    options,
    pool,
    deliveries,
    stopping,
    gossip: makeGossip(options, { pool, deliveries }),
    provenTellers: new Seen({ ...seenBounds, countMax: limits.peers }),
    parts: new Map(),
    duties: [every(limits.pendingMs / 60, { clock, tick: async () => pool.expire() })],
  };
  const checkReader = readerCheck(options);
  const letters = readLetters(post(), { checkReader, hear, findBody });
  current.duties.push({ stop: async () => letters.stop() });
  current.gossip.start();
  void dropSealed({ ...current, signal: stopping.signal, clock, log });
}

export async function close(): Promise<void> {
  const closing = current;
  if (closing === null) return;
  closing.stopping.abort();
  for (const duty of closing.duties) await duty.stop();
  await closing.gossip.stop();
  await closing.deliveries.close();
  current = null;
}

/** What a peer tells of; `isProven`: it is beyond doubt that the peer itself does. */
export function hear(
  teller: { peerId: string; isProven: boolean },
  announcement: Announcement,
): Answer {
  const { gossip, provenTellers } = opened();
  const peer = book().get(teller.peerId);
  if (peer === null || peer.isBanned || book().isResting(peer)) {
    return { alreadyKnown: false, willRequest: false };
  }
  if (teller.isProven) provenTellers.add(teller.peerId);
  return gossip.hear(teller.peerId, announcement);
}

/** The document, waiting or in a docket; null where this node doesn't have it. */
export async function findBody(
  registerId: string,
  transactionId: string,
): Promise<Uint8Array | null> {
  const pending = opened().pool.get(registerId, transactionId);
  if (pending !== null) return pending.bytes;
  return (await findTransaction(sql(), { registerId, transactionId }))?.data ?? null;
}

/** It waits here for a docket: a peer brought it, or it is being told to peers. */
export function isPending(wanted: { registerId: string; transactionId: string }): boolean {
  return opened().pool.get(wanted.registerId, wanted.transactionId) !== null;
}

/** What waits for a docket of the register, in the order of arrival. */
export function pendingOf(registerId: string): Iterable<Pending> {
  return opened().pool.of(registerId);
}

/**
 * Sees a transaction that was submitted here to a docket that others seal. Resolves with the
 * docket's number once it is stored here; rejects with `not-sealed` where validators have had it
 * for long, and never because nobody can be reached.
 */
export async function deliver(built: Pick<Pending, "transaction" | "bytes">): Promise<number> {
  const { gossip, deliveries } = opened();
  const { registerId, transactionId } = built.transaction;
  try {
    const bytes = built.bytes.byteLength;
    const tell = () => gossip.offer(built);
    return await deliveries.begin({ registerId, transactionId, bytes, tell });
  } catch (error) {
    gossip.drop(registerId, [transactionId]);
    throw error;
  }
}

/** Transactions that wait for a docket, are being fetched, and are being told on. */
export function poolFigures() {
  const { pool, gossip } = opened();
  const { fetching, telling } = gossip;
  return { count: pool.count, bytes: pool.bytes, fetching, telling };
}

function makeGossip(
  options: DistributionOptions,
  made: { pool: Pool; deliveries: Deliveries },
): Gossip {
  const { clock, nodeId } = options;
  const speaker = { nodeId, nowMs: () => clock.nowMs() };
  const { seenTransactions: countMax, seenMs: ageMs } = limits;
  return new Gossip({
    clock,
    dice,
    fanout: options.fanoutFactor,
    pool: made.pool,
    seen: new Seen({ countMax, ageMs, monotonicMs: () => clock.monotonicMs() }),
    holders: (registerId) => holdersOf(registerId, options),
    tell: async (peerId, announcement) => {
      const peer = book().get(peerId);
      if (peer === null) throw new Error(`Peer ${peerId} is gone`);
      const readsBatches = peer.protocols.includes(replicationProtocol);
      return tellPeer(channels().to(peer), announcement, { ...speaker, readsBatches });
    },
    fetch: async (peerId, wanted, signal) => {
      const peer = book().get(peerId);
      if (peer === null || peer.isBanned) throw new Error(`Peer ${peerId} is gone`);
      return withParts(wanted, (parts) =>
        fetchBody(channels().to(peer), wanted, { ...speaker, signal, parts }),
      );
    },
    check: (bytes, wanted) => checkHere(bytes, wanted, clock.nowMs()),
    findSealed: (registerId, transactionIds) => whichExist(sql(), { registerId, transactionIds }),
    onTaken: (pending) => {
      transactionsTaken();
      options.takePending(pending);
    },
    onFault: (peerId, fault) => {
      if (opened().provenTellers.has(peerId)) blameTeller(peerId, fault);
    },
    onTold: (registerId, transactionIds) => made.deliveries.told(registerId, transactionIds),
    onDuplicate: duplicateTold,
    onRefused: (_, code) => refused("transaction", code),
  });
}

/** What came of a stream that broke off is kept for the next teller. */
async function withParts<T>(
  wanted: { registerId: string; transactionId: string },
  fetch: (parts: Parts) => Promise<T>,
): Promise<T> {
  const { parts: all } = opened();
  const key = keyOf(wanted.registerId, wanted.transactionId);
  const kept = all.get(key);
  all.delete(key);
  const parts = kept ?? { chunks: [], totalChunks: 0 };
  try {
    return await fetch(parts);
  } catch (error) {
    if (parts.chunks.length > 0) all.set(key, parts);
    while (all.size > limits.gossip.brokenStreams) {
      const [oldest] = all.keys();
      all.delete(oldest as string);
    }
    throw error;
  }
}

function checkHere(
  bytes: Uint8Array,
  wanted: { registerId: string; transactionId: string },
  nowMs: number,
): ReturnType<typeof checkPending> {
  const register = registerOf(wanted.registerId);
  if (register !== null) return checkPending(bytes, { ...wanted, policy: register.policy, nowMs });
  const message = "The register is no longer held here";
  return { ok: false, refusal: { code: "time", message, docketNumber: null } };
}

function readerCheck(options: DistributionOptions) {
  return (registerId: string, readerId: string | null) => {
    const register = registerOf(registerId);
    const isShown = register !== null && !options.isPaused(registerId);
    if (isShown && options.mayRead(register, readerId)) return;
    // Whoever may not know of a register does not learn here that there is one.
    throw new PeerError("not-found", "unknown-register", {
      message: `There is no register ${registerId} here for this peer`,
    });
  };
}

/** Connected peers that hold the register and may hear of it; a private one goes to its readers. */
function holdersOf(registerId: string, options: DistributionOptions): string[] {
  const register = registerOf(registerId);
  if (register === null || options.isPaused(registerId)) return [];
  // Without certificates somebody else may stand at a reader's address by now.
  const { provesPeers } = network.heartbeatOptions();
  return sourcesOf(registerId).flatMap(({ peerId, isConnected }) => {
    const isReader = options.mayRead(register, provesPeers ? peerId : null);
    return isConnected && isReader ? [peerId] : [];
  });
}

/** Says how many were driven out, now and then: in the log, the metrics and the events. */
function evictionTeller(options: DistributionOptions): (pending: Pending, why: string) => void {
  let count = 0;
  let tellAtMs = Number.NEGATIVE_INFINITY;
  return ({ transaction }, why) => {
    pendingEvicted(why);
    count += 1;
    const nowMs = options.clock.monotonicMs();
    if (nowMs < tellAtMs) return;
    tellAtMs = nowMs + tellEvictedMs;
    const facts = { registerId: transaction.registerId, why, count };
    const message = `${count} pending transactions of peers were driven out: ${why}`;
    log.warn(facts, message);
    options.keepEvent({ type: "pending.evicted", message, facts });
    count = 0;
  };
}

function opened(): Distribution {
  assert(current !== null, "distribution is open");
  return current;
}
