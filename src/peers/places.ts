import { hexOf } from "../base/bytes.ts";
import { limits } from "../runtime/limits.ts";
import { addressText, networkGroup } from "./address.ts";
import { Buckets } from "./buckets.ts";
import type { Peer } from "./peer.ts";
import type { PeerRecord } from "./record.ts";

/**
 * Who gets a place in the book. Hearsay and peers that we reached ourselves stand in buckets of
 * their own, as Bitcoin's address manager has it: hearsay is filed by who told it, the others by
 * where they are, and neither one teller nor one network can fill more than a quarter. Seeds, peers
 * added by hand and banned ones need no place: the operator put them there.
 */
export class Places {
  readonly #hearsay: Buckets;
  readonly #tried: Buckets;
  readonly #bannedNames = new Set<string>();
  readonly #bannedKeys = new Map<string, string>();
  readonly #bannedAddresses = new Map<string, string>();

  constructor(secret: string) {
    this.#hearsay = new Buckets({ secret: `${secret}:new`, ...limits.newBuckets });
    this.#tried = new Buckets({ secret: `${secret}:tried`, ...limits.triedBuckets });
  }

  /**
   * Whether there is room for a newcomer, and who must go for it: hearsay gives way only to what is
   * better, that is to peers that are there, or where it did not answer itself. Null: no room.
   */
  findRoom(
    newcomer: Peer,
    standing: { isReal: boolean; isSigned: boolean; peers: ReadonlyMap<string, Peer> },
  ): { evicted?: string } | null {
    const rivals = this.#hearsay.rivals(newcomer.peerId, newcomer.sourceGroup);
    const isCrowded = rivals.length > 0;
    const isFull = this.#hearsay.size + this.#tried.size >= limits.peers;
    if (!isCrowded && !isFull) return {};
    const candidates = isCrowded
      ? rivals.flatMap((peerId) => standing.peers.get(peerId) ?? [])
      : [...standing.peers.values()].filter((peer) => this.#hearsay.has(peer.peerId));
    const evicted = candidates
      .filter((peer) => givesWay(peer, standing))
      .sort((left, right) => left.firstSeenMs - right.firstSeenMs)[0];
    return evicted === undefined ? null : { evicted: evicted.peerId };
  }

  /** After `findRoom`. */
  settle(peer: Peer): void {
    this.#hearsay.add(peer.peerId, peer.sourceGroup);
  }

  /**
   * From hearsay to tried, where its bucket has room or somebody in it is long gone. Who then finds
   * no place among the hearsay either must go.
   */
  promote(peer: Peer, peers: ReadonlyMap<string, Peer>): { isPromoted: boolean; evicted?: string } {
    const group = networkGroup(peer.host);
    const rivals = this.#tried.rivals(peer.peerId, group);
    const gone = rivals
      .flatMap((peerId) => peers.get(peerId) ?? [])
      .filter((rival) => rival.connection !== "connected" && rival.failureCount > 0)
      .sort((left, right) => left.lastSeenMs - right.lastSeenMs)[0];
    if (rivals.length > 0 && gone === undefined) return { isPromoted: false };
    this.#hearsay.delete(peer.peerId);
    if (gone === undefined) return { isPromoted: this.#tried.add(peer.peerId, group) };
    this.#tried.delete(gone.peerId);
    gone.isTried = false;
    const isKept = gone.isSeed || gone.isManual || this.#hearsay.add(gone.peerId, gone.sourceGroup);
    const isPromoted = this.#tried.add(peer.peerId, group);
    return isKept ? { isPromoted } : { isPromoted, evicted: gone.peerId };
  }

  restore(peer: Peer): boolean {
    if (peer.isBanned || peer.isManual) return true;
    if (peer.isTried && this.#tried.add(peer.peerId, networkGroup(peer.host))) return true;
    peer.isTried = false;
    return this.#hearsay.add(peer.peerId, peer.sourceGroup);
  }

  release(peer: Peer): void {
    this.#hearsay.delete(peer.peerId);
    this.#tried.delete(peer.peerId);
    this.noteUnban(peer);
  }

  /** The name, the key and the address: a new name for any of them changes nothing. */
  isBanned(record: PeerRecord): boolean {
    const key = record.publicKey === null ? null : hexOf(record.publicKey);
    return (
      this.#bannedAddresses.has(addressText(record)) ||
      (key !== null && this.#bannedKeys.has(key)) ||
      this.#bannedNames.has(record.peerId)
    );
  }

  noteBan(peer: Peer): void {
    this.#bannedNames.add(peer.peerId);
    this.#bannedAddresses.set(addressText(peer), peer.peerId);
    if (peer.publicKey !== null) this.#bannedKeys.set(hexOf(peer.publicKey), peer.peerId);
  }

  noteUnban(peer: Peer): void {
    this.#bannedNames.delete(peer.peerId);
    deleteOf(this.#bannedAddresses, peer.peerId);
    deleteOf(this.#bannedKeys, peer.peerId);
  }
}

function givesWay(peer: Peer, to: { isReal: boolean; isSigned: boolean }): boolean {
  if (peer.isSeed || peer.isManual || peer.isBanned || peer.connection === "connected")
    return false;
  if (to.isReal) return true;
  const isBetter = to.isSigned || peer.publicKey === null;
  return isBetter && peer.failureCount > 0;
}

function deleteOf(map: Map<string, string>, peerId: string): void {
  for (const [name, owner] of map) if (owner === peerId) map.delete(name);
}
