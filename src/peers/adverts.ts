import { limits } from "../runtime/limits.ts";
import type { Advert } from "./advert.ts";
import { book } from "./book.ts";
import type { HeardAdvert, Peer } from "./peer.ts";
import { replicationProtocol } from "./record.ts";

/** A peer that a register can be pulled from, as far as we know. */
export interface Source {
  peerId: string;
  advert: Advert;
  /** Speaks our own protocol; otherwise the Sorcha-compatible RPCs are used. */
  speaksReplication: boolean;
  isConnected: boolean;
  /** Served something false lately: asked only where nobody else is left. */
  isQuarantined: boolean;
  points: number;
}

export interface AvailableRegister {
  registerId: string;
  name: string | null;
  description: string | null;
  peerCount: number;
  fullReplicaPeerCount: number;
  latestVersion: number;
  latestDocketVersion: number;
  isPublic: boolean;
  genesisHash: string | null;
}

/**
 * Who says they hold the register, the best first: connected, whole, well scored. Peers in
 * quarantine are left out, unless there is nobody else: they are never the last to be taken away.
 */
export function sourcesOf(registerId: string): Source[] {
  const peers = book().usable();
  const sources = peers.flatMap((peer) => {
    const advert = peer.adverts.get(registerId);
    return advert === undefined || isStale(advert) ? [] : [sourceOf(peer, advert)];
  });
  const free = sources.filter((source) => !source.isQuarantined);
  return (free.length > 0 ? free : sources).sort(
    (left, right) =>
      Number(right.isConnected) - Number(left.isConnected) ||
      Number(right.advert.hasFullReplica) - Number(left.advert.hasFullReplica) ||
      right.points - left.points ||
      left.peerId.localeCompare(right.peerId),
  );
}

/**
 * What can be subscribed to: what peers advertise, and what we hold ourselves, one row a register.
 * Names and heights are the tellers' words, and hearsay tells no heights.
 */
export function availableRegisters(own: readonly Advert[]): AvailableRegister[] {
  const tellings = new Map<string, Telling[]>();
  for (const advert of own) add(tellings, { advert, isPeer: false, isHearsay: false });
  for (const peer of book().usable()) {
    if (book().isResting(peer)) continue;
    for (const advert of peer.adverts.values()) {
      const { isHearsay } = advert;
      if (!isStale(advert)) add(tellings, { advert, isPeer: true, isHearsay });
    }
  }
  return [...tellings]
    .map(([registerId, told]) => rowOf(registerId, told))
    .sort((left, right) => left.registerId.localeCompare(right.registerId));
}

/** At most this many adverts go into one message. */
export function boundAdverts(adverts: readonly Advert[]): readonly Advert[] {
  return adverts.slice(0, limits.advertsPerPeer);
}

interface Telling {
  advert: Advert;
  isPeer: boolean;
  isHearsay: boolean;
}

function add(tellings: Map<string, Telling[]>, telling: Telling): void {
  const { registerId } = telling.advert;
  const told = tellings.get(registerId);
  if (told === undefined) tellings.set(registerId, [telling]);
  else told.push(telling);
}

/** Of several genesis dockets the one that most tell counts; our own word before all others. */
function rowOf(registerId: string, told: readonly Telling[]): AvailableRegister {
  const genesisHash = mostTold(told);
  const same = told.filter(({ advert }) => advert.genesisHash === genesisHash);
  const first = same.find((telling) => !telling.isPeer) ?? same[0];
  const peers = same.filter((telling) => telling.isPeer);
  const atFirstHand = same.filter((telling) => !telling.isHearsay);
  return {
    registerId,
    name: first?.advert.name ?? null,
    description: first?.advert.description ?? null,
    peerCount: peers.length,
    fullReplicaPeerCount: peers.filter(({ advert }) => advert.hasFullReplica).length,
    latestVersion: believed(atFirstHand.map(({ advert }) => advert.latestVersion)),
    latestDocketVersion: believed(atFirstHand.map(({ advert }) => advert.latestDocketVersion)),
    isPublic: first?.advert.isPublic ?? false,
    genesisHash,
  };
}

function mostTold(told: readonly Telling[]): string | null {
  const own = told.find((telling) => !telling.isPeer);
  if (own !== undefined) return own.advert.genesisHash;
  const counts = new Map<string | null, number>();
  for (const { advert } of told) {
    counts.set(advert.genesisHash, (counts.get(advert.genesisHash) ?? 0) + 1);
  }
  const ranked = [...counts].sort((left, right) => right[1] - left[1]);
  return ranked[0]?.[0] ?? null;
}

/** The highest that is told; where three or more tell, one of them alone is not believed. */
function believed(heights: readonly number[]): number {
  const falling = heights.toSorted((left, right) => right - left);
  return falling[heights.length >= 3 ? 1 : 0] ?? 0;
}

function isStale(advert: HeardAdvert): boolean {
  return book().nowMs() - advert.heardAtMs > limits.advertMs;
}

function sourceOf(peer: Peer, advert: Advert): Source {
  return {
    peerId: peer.peerId,
    advert,
    speaksReplication: peer.protocols.includes(replicationProtocol),
    isConnected: peer.connection === "connected",
    isQuarantined: book().isResting(peer),
    points: book().pointsOf(peer),
  };
}
