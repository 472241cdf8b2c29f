/**
 * The address book: whom this node knows. Owns every `Peer`; `mesh.ts` and the RPC handlers change
 * it, everybody reads it. It never dials, and what a third party says can never change an address
 * that was signed, clear a ban, or make a seed.
 */
import { assert } from "../base/assert.ts";
import { isEqual } from "../base/bytes.ts";
import { limits } from "../runtime/limits.ts";
import { isAddressUsable } from "./address.ts";
import type { Advert } from "./advert.ts";
import { isSigned, type PeerRecord } from "./record.ts";
import { newScore, pointsOf, type Score, withFailure, withSuccess } from "./score.ts";

export interface Peer {
  readonly peerId: string;
  host: string;
  port: number;
  protocols: string[];
  publicKey: Uint8Array | null;
  record: PeerRecord | null;
  seq: number;
  /** Configured by our operator; never taken from the network. */
  isSeed: boolean;
  firstSeenMs: number;
  /** When this peer itself last answered or called us; 0: never. */
  lastSeenMs: number;
  /** Calls in a row that failed. */
  failureCount: number;
  score: Score;
  connection: Connection;
  isBanned: boolean;
  bannedAtMs: number | null;
  banReason: string | null;
  adverts: Map<string, HeardAdvert>;
}

export interface HeardAdvert extends Advert {
  heardAtMs: number;
}

/**
 * known        → connecting    the mesh dials it
 * connecting   → connected     its handshake was answered
 * connecting   → disconnected  it was not; the mesh tries again after a back-off
 * connected    → disconnected  two heartbeats in a row failed, or it was banned
 * disconnected → connecting    the back-off is over, or it called us
 */
export type Connection = "known" | "connecting" | "connected" | "disconnected";

/** Who told us: the peer itself over its own connection, or somebody else. */
export type Teller = "itself" | "gossip";

export type Learned =
  | { kind: "new" | "updated" | "known"; peer: Peer }
  | { kind: "refused"; code: LearnRefusal };

export type LearnRefusal = "self" | "bad-address" | "bad-id" | "banned" | "key-mismatch" | "full";

export class Book {
  readonly #peers = new Map<string, Peer>();
  readonly #dirty = new Set<string>();

  constructor(
    private readonly options: {
      ownId: string;
      nowMs: () => number;
      /** Whether the record carries a true signature of its key. */
      isGenuine: (record: PeerRecord) => boolean;
    },
  ) {}

  get(peerId: string): Peer | null {
    return this.#peers.get(peerId) ?? null;
  }

  list(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Peers that may be dialled, asked and told about. */
  usable(): Peer[] {
    return this.list().filter((peer) => !peer.isBanned);
  }

  connected(): Peer[] {
    return this.usable().filter((peer) => peer.connection === "connected");
  }

  isBanned(peerId: string): boolean {
    return this.#peers.get(peerId)?.isBanned ?? false;
  }

  learn(record: PeerRecord, teller: Teller): Learned {
    if (record.peerId === this.options.ownId) return { kind: "refused", code: "self" };
    if (!/^[A-Za-z0-9._:-]{1,64}$/.test(record.peerId)) return { kind: "refused", code: "bad-id" };
    if (!isAddressUsable(record)) return { kind: "refused", code: "bad-address" };
    const isTrue = isSigned(record) && this.options.isGenuine(record);
    if (isSigned(record) && !isTrue) return { kind: "refused", code: "key-mismatch" };
    const known = this.#peers.get(record.peerId);
    if (known === undefined) return this.#add(record, teller);
    if (known.isBanned) return { kind: "refused", code: "banned" };
    if (teller === "itself") known.lastSeenMs = this.options.nowMs();
    if (known.publicKey !== null) {
      if (!isTrue || !isEqual(known.publicKey, record.publicKey as Uint8Array)) {
        return { kind: "refused", code: "key-mismatch" };
      }
      if (record.seq <= known.seq) {
        if (teller === "itself") this.setAdverts(known, record.adverts);
        return { kind: "known", peer: known };
      }
    } else if (!isTrue && teller === "gossip") {
      return { kind: "known", peer: known };
    }
    this.#replace(known, record);
    return { kind: "updated", peer: known };
  }

  setAdverts(peer: Peer, adverts: readonly Advert[]): void {
    const heardAtMs = this.options.nowMs();
    peer.adverts.clear();
    for (const advert of adverts.slice(0, limits.advertsPerPeer)) {
      if (advert.docketCount === 0) continue;
      peer.adverts.set(advert.registerId, { ...advert, heardAtMs });
    }
    this.#dirty.add(peer.peerId);
  }

  reportSuccess(peerId: string, latencyMs?: number): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const nowMs = this.options.nowMs();
    peer.lastSeenMs = nowMs;
    peer.failureCount = 0;
    peer.score = withSuccess(peer.score, {
      nowMs,
      ...(latencyMs === undefined ? {} : { latencyMs }),
    });
    this.#dirty.add(peerId);
  }

  /** `weight` 1 is an unanswered call; a proven lie weighs more. */
  reportFailure(peerId: string, weight = 1): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    peer.failureCount += 1;
    peer.score = withFailure(peer.score, { nowMs: this.options.nowMs(), weight });
    this.#dirty.add(peerId);
  }

  setAuthenticated(peer: Peer): void {
    peer.score = { ...peer.score, isAuthenticated: true };
    this.#dirty.add(peer.peerId);
  }

  /** Puts a stored peer back at start. */
  restore(peer: Peer): void {
    this.#peers.set(peer.peerId, peer);
  }

  pointsOf(peer: Peer): number {
    return pointsOf(peer.score, this.options.nowMs());
  }

  /** Peers changed since the last call: for the batched write. */
  takeDirty(): Peer[] {
    const changed = [...this.#dirty].flatMap((peerId) => this.#peers.get(peerId) ?? []);
    this.#dirty.clear();
    return changed;
  }

  #add(record: PeerRecord, teller: Teller): Learned {
    if (this.#peers.size >= limits.peers && !this.#makeRoom(teller)) {
      return { kind: "refused", code: "full" };
    }
    const nowMs = this.options.nowMs();
    const peer: Peer = {
      peerId: record.peerId,
      host: record.host,
      port: record.port,
      protocols: [],
      publicKey: null,
      record: null,
      seq: 0,
      isSeed: false,
      firstSeenMs: nowMs,
      lastSeenMs: teller === "itself" ? nowMs : 0,
      failureCount: 0,
      score: newScore(nowMs),
      connection: "known",
      isBanned: false,
      bannedAtMs: null,
      banReason: null,
      adverts: new Map(),
    };
    this.#peers.set(peer.peerId, peer);
    this.#replace(peer, record);
    return { kind: "new", peer };
  }

  /** Hearsay never pushes anybody out; a peer that is really there replaces the stalest hearsay. */
  #makeRoom(teller: Teller): boolean {
    if (teller === "gossip") return false;
    const hearsay = this.list()
      .filter((peer) => peer.lastSeenMs === 0 && !peer.isSeed && !peer.isBanned)
      .sort((left, right) => left.firstSeenMs - right.firstSeenMs)[0];
    return hearsay !== undefined && this.#peers.delete(hearsay.peerId);
  }

  #replace(peer: Peer, record: PeerRecord): void {
    peer.host = record.host;
    peer.port = record.port;
    peer.protocols = record.protocols.slice(0, 32);
    peer.seq = record.seq;
    peer.publicKey = record.signature === null ? null : record.publicKey;
    peer.record = record;
    this.setAdverts(peer, record.adverts);
  }
}

let current: Book | null = null;

export function open(book: Book): void {
  assert(current === null, "the book is opened once");
  current = book;
}

export function close(): void {
  current = null;
}

export function book(): Book {
  assert(current !== null, "the book is open");
  return current;
}
