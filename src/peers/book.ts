/**
 * The address book: whom this node knows. Owns every `Peer`; `mesh.ts` and the RPC handlers change
 * it, everybody reads it. It never dials, and what a third party says can never change an address
 * that was signed, clear a ban, or make a seed.
 */
import { assert } from "../base/assert.ts";
import { limits } from "../runtime/limits.ts";
import { addressText } from "./address.ts";
import type { Advert } from "./advert.ts";
import { Changes } from "./changes.ts";
import { Journal } from "./journal.ts";
import {
  type BookOptions,
  type FailureReport,
  type Happened,
  type Learned,
  type LearnRefusal,
  recordProblem,
  type Teller,
  type Telling,
} from "./learned.ts";
import { type Claim, verdictOn } from "./names.ts";
import { hearAdverts, isQuarantined, newPeer, type Peer, unmeet } from "./peer.ts";
import { Places } from "./places.ts";
import { isFalseNameOfKey, isNameOfKey, isSigned, type PeerRecord } from "./record.ts";
import { pointsOf, ratingOf, withFailure, withSuccess } from "./score.ts";

export class Book {
  readonly journal: Journal;
  readonly #peers = new Map<string, Peer>();
  readonly #places: Places;
  readonly #changes = new Changes();

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
   * `isCertified`: a certificate or token says that the teller bears the name.
   */
  learn(record: PeerRecord, teller: Teller, told: Telling = {}): Learned {
    const refusal = this.#refusal(record, teller);
    if (refusal !== null) return { kind: "refused", code: refusal };
    const isCertified = told.isCertified === true || isNameOfKey(record);
    if (!isCertified && isFalseNameOfKey(record)) return { kind: "refused", code: "key-mismatch" };
    const learned = this.#learn({ record, teller, isCertified }, told);
    if (isCertified && learned.kind !== "refused" && !learned.peer.isCertified) {
      learned.peer.isCertified = true;
      this.#changes.changed(learned.peer.peerId);
    }
    return learned;
  }

  #learn(claim: Claim, told: { sourceGroup?: string }): Learned {
    const { record, teller } = claim;
    const known = this.#peers.get(record.peerId);
    if (known === undefined) return this.#add(record, teller, told);
    switch (verdictOn(claim, known, this.options.isGenuine)) {
      case "same":
        return { kind: "known", peer: known };
      case "met":
        return this.#met(known, { record, teller });
      case "owner":
        this.note(known, { type: "peer.claimed", message: "Its certified owner takes the name" });
        unmeet(known, this.options.nowMs());
        return this.#update(known, record, teller);
      case "newer":
        return this.#update(known, record, teller);
      case "contest":
        this.#noteConflict(known, teller);
        return { kind: "refused", code: "key-mismatch" };
      case "forged":
        return { kind: "refused", code: "key-mismatch" };
    }
  }

  /** What the peer itself says it holds: it replaces what was heard before. */
  setAdverts(peer: Peer, adverts: readonly Advert[], said: { publicOnly?: boolean } = {}): void {
    hearAdverts(peer, adverts, { ...said, isHearsay: false, heardAtMs: this.options.nowMs() });
  }

  reportSuccess(peerId: string, report: { latencyMs?: number; what?: string } = {}): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const nowMs = this.options.nowMs();
    const { what = "It answered", ...measured } = report;
    peer.lastSeenMs = nowMs;
    peer.failureCount = 0;
    this.#judge(peer, { type: "peer.answered", message: what }, () => {
      peer.score = withSuccess(peer.score, { nowMs, ...measured });
    });
    this.#changes.moved(peerId);
  }

  reportFailure(peerId: string, report: FailureReport = {}): void {
    const peer = this.#peers.get(peerId);
    if (peer === undefined) return;
    const { weight = 1, what = "It did not answer", code = "no-answer" } = report;
    peer.failureCount += 1;
    const why = { type: "peer.failed", message: what.slice(0, 500), facts: { code } };
    this.#judge(peer, why, () => {
      peer.score = withFailure(peer.score, { nowMs: this.options.nowMs(), weight });
    });
    this.#changes.moved(peerId);
  }

  setAuthenticated(peer: Peer): void {
    if (peer.score.isAuthenticated) return;
    this.#judge(peer, { type: "peer.authenticated", message: "It proved its key" }, () => {
      peer.score = { ...peer.score, isAuthenticated: true };
    });
    this.#changes.changed(peer.peerId);
  }

  note(peer: Peer, happened: Happened & { untilMs?: number }): void {
    const points = this.pointsOf(peer);
    const { peerId } = peer;
    this.journal.note({ peerId, ...happened, pointsBefore: points, pointsAfter: points });
    this.#changes.changed(peerId);
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
    this.#changes.forgotten(peerId);
    return true;
  }

  markBanned(peer: Peer, ban: { atMs: number; reason: string | null } | null): void {
    peer.isBanned = ban !== null;
    peer.bannedAtMs = ban?.atMs ?? null;
    peer.banReason = ban?.reason ?? null;
    if (ban === null) this.#places.noteUnban(peer);
    else this.#places.noteBan(peer);
    if (ban !== null) peer.adverts.clear();
    this.#changes.changed(peer.peerId);
  }

  /** What `takeDirty` gave and could not be stored: it is given again. */
  putBack(unstored: { changed: readonly Peer[]; forgotten: readonly string[] }): void {
    for (const peerId of unstored.forgotten) {
      if (!this.#peers.has(peerId)) this.#changes.forgotten(peerId);
    }
    for (const { peerId } of unstored.changed) {
      if (this.#peers.has(peerId)) this.#changes.changed(peerId);
    }
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
    const taken = this.#changes.take(options);
    const changed = taken.changed.flatMap((peerId) => this.#peers.get(peerId) ?? []);
    const forgotten = taken.forgotten.filter((peerId) => !this.#peers.has(peerId));
    return { changed, forgotten };
  }

  #refusal(record: PeerRecord, teller: Teller): LearnRefusal | null {
    const problem = recordProblem(record, { ...this.options, teller });
    if (problem !== null) return problem;
    return this.#places.isBanned(record) ? "banned" : null;
  }

  /** Once in a while: whoever tries could try without end. */
  #noteConflict(known: Peer, teller: Teller): void {
    const nowMs = this.options.nowMs();
    if (known.conflictAtMs !== null && nowMs - known.conflictAtMs <= limits.conflictNewsMs) return;
    known.conflictAtMs = nowMs;
    const message = "Another key claims its name, and is refused";
    this.note(known, { type: "peer.conflict", message, facts: { teller } });
    this.options.onConflict?.({ peerId: known.peerId, teller });
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
    this.#changes.changed(peer.peerId);
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
      hearAdverts(peer, said.record.adverts, {
        isHearsay: !isItself,
        heardAtMs: this.options.nowMs(),
      });
    }
    return { kind: "known", peer };
  }

  #promote(peer: Peer): void {
    const { isPromoted, evicted } = this.#places.promote(peer, this.#peers);
    peer.isTried = isPromoted;
    if (evicted !== undefined) this.forget(evicted);
    this.#changes.changed(peer.peerId);
  }

  /** Makes the change and notes what it did to the score. */
  #judge(peer: Peer, why: Happened, change: () => void): void {
    const pointsBefore = this.pointsOf(peer);
    change();
    const pointsAfter = this.pointsOf(peer);
    this.journal.note({ peerId: peer.peerId, ...why, pointsBefore, pointsAfter });
    if (ratingOf(pointsBefore) !== ratingOf(pointsAfter)) this.#changes.changed(peer.peerId);
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
