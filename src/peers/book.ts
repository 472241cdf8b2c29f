/**
 * The address book: whom this node knows. Owns every `Peer`; `mesh.ts` and the RPC handlers change
 * it, everybody reads it. It never dials, and what a third party says can never change an address
 * that was signed, clear a ban, or make a seed.
 */
import { assert } from "../base/assert.ts";
import { isEqual } from "../base/bytes.ts";
import { limits } from "../runtime/limits.ts";
import { addressText, isAddressUsable } from "./address.ts";
import type { Advert } from "./advert.ts";
import { Journal } from "./journal.ts";
import type { BookOptions, Learned, LearnRefusal, Teller } from "./learned.ts";
import { isQuarantined, newPeer, type Peer } from "./peer.ts";
import { Places } from "./places.ts";
import { isSigned, type PeerRecord } from "./record.ts";
import { pointsOf, ratingOf, withFailure, withSuccess } from "./score.ts";

export class Book {
  readonly journal: Journal;
  readonly #peers = new Map<string, Peer>();
  readonly #places: Places;
  /** Changes that must be stored soon, and those that may wait: scores move all the time. */
  readonly #changed = new Set<string>();
  readonly #moved = new Set<string>();
  readonly #forgotten = new Set<string>();

  constructor(private readonly options: BookOptions) {
    this.journal = new Journal({ countMax: limits.journalEntries, nowMs: options.nowMs });
    this.#places = new Places(options.secret ?? "");
  }

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

  /**
   * `sourceGroup`: the network group of who tells; his records share a bounded part of the book.
   */
  learn(record: PeerRecord, teller: Teller, told: { sourceGroup?: string } = {}): Learned {
    const refusal = this.#refusal(record, teller);
    if (refusal !== null) return { kind: "refused", code: refusal };
    const known = this.#peers.get(record.peerId);
    if (known === undefined) return this.#add(record, teller, told);
    if (known.publicKey !== null) {
      const isSameKey = record.publicKey !== null && isEqual(known.publicKey, record.publicKey);
      if (!isSameKey || !isSigned(record)) return { kind: "refused", code: "key-mismatch" };
      // Cheap before dear: what is not newer changes nothing, true or not.
      if (record.seq <= known.seq && teller !== "itself") return { kind: "known", peer: known };
      if (!this.options.isGenuine(record)) return { kind: "refused", code: "key-mismatch" };
      if (record.seq > known.seq) return this.#update(known, record, teller);
      return this.#met(known, { record, teller });
    }
    const isTrue = isSigned(record) && this.options.isGenuine(record);
    if (isSigned(record) && !isTrue) return { kind: "refused", code: "key-mismatch" };
    // A name without a key is anybody's: it moves when it is found there, or is lost here anyway.
    const isLost = known.connection !== "connected" && known.failureCount >= 2;
    const mayMove = teller === "itself" || isTrue || (teller === "caller" && isLost);
    if (!mayMove) return { kind: "known", peer: known };
    return this.#update(known, record, teller);
  }

  /** What the peer itself says it holds: it replaces what was heard before. */
  setAdverts(peer: Peer, adverts: readonly Advert[]): void {
    this.#hear(peer, adverts, { isHearsay: false });
  }

  reportSuccess(peerId: string, report: { latencyMs?: number; what?: string } = {}): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const nowMs = this.options.nowMs();
    const { latencyMs, what = "It answered" } = report;
    peer.lastSeenMs = nowMs;
    peer.failureCount = 0;
    this.#judge(peer, { type: "peer.answered", message: what }, () => {
      peer.score = withSuccess(peer.score, {
        nowMs,
        ...(latencyMs === undefined ? {} : { latencyMs }),
      });
    });
    this.#moved.add(peerId);
  }

  /** `weight` 1 is an unanswered call; a proven lie weighs more. */
  reportFailure(peerId: string, report: { weight?: number; what?: string } = {}): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const { weight = 1, what = "It did not answer" } = report;
    peer.failureCount += 1;
    this.#judge(peer, { type: "peer.failed", message: what.slice(0, 500) }, () => {
      peer.score = withFailure(peer.score, { nowMs: this.options.nowMs(), weight });
    });
    this.#moved.add(peerId);
  }

  setAuthenticated(peer: Peer): void {
    if (peer.score.isAuthenticated) return;
    this.#judge(peer, { type: "peer.authenticated", message: "It proved its key" }, () => {
      peer.score = { ...peer.score, isAuthenticated: true };
    });
    this.#changed.add(peer.peerId);
  }

  /** Something that an operator may ask the reason of. */
  note(
    peer: Peer,
    happened: { type: string; message: string; untilMs?: number; facts?: Record<string, unknown> },
  ): void {
    const points = this.pointsOf(peer);
    const { peerId } = peer;
    this.journal.note({ peerId, ...happened, pointsBefore: points, pointsAfter: points });
    this.#changed.add(peerId);
  }

  /** Puts a stored peer back at start; of those that strangers told, as many as have places. */
  restore(peer: Peer): void {
    if (!this.#places.restore(peer)) return;
    this.#peers.set(peer.peerId, peer);
    if (peer.isBanned) this.#places.noteBan(peer);
  }

  forget(peerId: string): boolean {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return false;
    this.#peers.delete(peerId);
    this.#places.release(peer);
    this.journal.forget(peerId);
    this.#changed.delete(peerId);
    this.#moved.delete(peerId);
    this.#forgotten.add(peerId);
    return true;
  }

  markBanned(peer: Peer, ban: { atMs: number; reason: string | null } | null): void {
    peer.isBanned = ban !== null;
    peer.bannedAtMs = ban?.atMs ?? null;
    peer.banReason = ban?.reason ?? null;
    if (ban === null) this.#places.noteUnban(peer);
    else this.#places.noteBan(peer);
    if (ban !== null) peer.adverts.clear();
    this.#changed.add(peer.peerId);
  }

  /** To be stored again. */
  markChanged(peer: Peer): void {
    if (this.#peers.has(peer.peerId)) this.#changed.add(peer.peerId);
  }

  pointsOf(peer: Peer): number {
    return pointsOf(peer.score, this.options.nowMs());
  }

  isResting(peer: Peer): boolean {
    return isQuarantined(peer, this.options.nowMs());
  }

  nowMs(): number {
    return this.options.nowMs();
  }

  /** What changed since the last call, for the batched write; `all` with what only moved. */
  takeDirty(options: { all: boolean } = { all: true }): { changed: Peer[]; forgotten: string[] } {
    const ids = new Set(options.all ? [...this.#changed, ...this.#moved] : this.#changed);
    const changed = [...ids].flatMap((peerId) => this.#peers.get(peerId) ?? []);
    const forgotten = [...this.#forgotten].filter((peerId) => !this.#peers.has(peerId));
    this.#changed.clear();
    if (options.all) this.#moved.clear();
    this.#forgotten.clear();
    return { changed, forgotten };
  }

  #refusal(record: PeerRecord, teller: Teller): LearnRefusal | null {
    if (record.peerId === this.options.ownId) return "self";
    if (!/^[A-Za-z0-9._:-]{1,64}$/.test(record.peerId)) return "bad-id";
    if (!isAddressUsable(record)) return "bad-address";
    const { mayDial } = this.options;
    if (teller !== "itself" && mayDial !== undefined && !mayDial(record.host)) return "bad-address";
    return this.#places.isBanned(record) ? "banned" : null;
  }

  #add(record: PeerRecord, teller: Teller, told: { sourceGroup?: string }): Learned {
    const nowMs = this.options.nowMs();
    const peer = newPeer(record, { nowMs, sourceGroup: told.sourceGroup ?? null });
    const room = this.#places.findRoom(peer, {
      isReal: teller === "itself",
      isSigned: isSigned(record),
      peers: this.#peers,
    });
    if (room === null) return { kind: "refused", code: "full" };
    if (isSigned(record) && !this.options.isGenuine(record)) {
      return { kind: "refused", code: "key-mismatch" };
    }
    if (room.evicted !== undefined) this.forget(room.evicted);
    this.#forgotten.delete(peer.peerId);
    this.#peers.set(peer.peerId, peer);
    this.#places.settle(peer);
    return { ...this.#update(peer, record, teller), kind: "new" };
  }

  #update(peer: Peer, record: PeerRecord, teller: Teller): Learned & { peer: Peer } {
    const before = peer.record === null ? null : addressText(peer);
    peer.host = record.host;
    peer.port = record.port;
    peer.protocols = record.protocols.slice(0, 32);
    peer.seq = record.seq;
    peer.publicKey = record.signature === null ? null : record.publicKey;
    peer.record = record;
    if (before !== null && before !== addressText(peer)) {
      this.note(peer, { type: "peer.moved", message: `It moved to ${addressText(peer)}` });
    }
    this.#changed.add(peer.peerId);
    return { ...this.#met(peer, { record, teller }), kind: "updated" };
  }

  /** Its own word on what it holds counts; a stranger's only as far as it is signed. */
  #met(peer: Peer, said: { record: PeerRecord; teller: Teller }): { kind: "known"; peer: Peer } {
    const isItself = said.teller === "itself";
    if (isItself) {
      peer.lastSeenMs = this.options.nowMs();
      if (!peer.isTried) this.#promote(peer);
    }
    if (isItself || isSigned(said.record)) {
      this.#hear(peer, said.record.adverts, { isHearsay: !isItself });
    }
    return { kind: "known", peer };
  }

  #promote(peer: Peer): void {
    const { isPromoted, evicted } = this.#places.promote(peer, this.#peers);
    peer.isTried = isPromoted;
    if (evicted !== undefined) this.forget(evicted);
    this.#changed.add(peer.peerId);
  }

  #hear(peer: Peer, adverts: readonly Advert[], how: { isHearsay: boolean }): void {
    const heardAtMs = this.options.nowMs();
    const own = how.isHearsay ? [...peer.adverts.values()].filter((one) => !one.isHearsay) : [];
    peer.adverts.clear();
    for (const advert of own) peer.adverts.set(advert.registerId, advert);
    for (const advert of adverts.slice(0, limits.advertsPerPeer)) {
      if (advert.docketCount === 0 || peer.adverts.has(advert.registerId)) continue;
      peer.adverts.set(advert.registerId, { ...advert, heardAtMs, ...how });
    }
  }

  /** Makes the change and notes what it did to the score. */
  #judge(peer: Peer, why: { type: string; message: string }, change: () => void): void {
    const pointsBefore = this.pointsOf(peer);
    change();
    const pointsAfter = this.pointsOf(peer);
    this.journal.note({ peerId: peer.peerId, ...why, pointsBefore, pointsAfter });
    if (ratingOf(pointsBefore) !== ratingOf(pointsAfter)) this.#changed.add(peer.peerId);
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
