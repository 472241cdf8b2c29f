import { present } from "../base/assert.ts";
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
  const tallies = new Map<string, Tally>();
  for (const advert of own) tallyOf(tallies, advert).own ??= advert;
  for (const peer of book().usable()) {
    if (book().isResting(peer)) continue;
    for (const advert of peer.adverts.values()) {
      if (!isStale(advert)) count(tallyOf(tallies, advert), advert);
    }
  }
  return [...tallies]
    .map(([registerId, tally]) => rowOf(registerId, tally))
    .sort((left, right) => (left.registerId < right.registerId ? -1 : 1));
}

/** At most this many adverts go into one message. */
export function boundAdverts(adverts: readonly Advert[]): readonly Advert[] {
  return adverts.slice(0, limits.advertsPerPeer);
}

/** What is told of one register, by the genesis docket it is told to have. */
interface Tally {
  /** Our own word, before all others. */
  own: Advert | null;
  told: Map<string | null, Told>;
}

interface Told {
  first: Advert;
  peers: number;
  replicas: number;
  /** Those who tell at first hand, and the two highest that they tell. */
  firstHand: number;
  versions: [number, number];
  dockets: [number, number];
}

function tallyOf(tallies: Map<string, Tally>, { registerId }: Advert): Tally {
  const known = tallies.get(registerId);
  if (known !== undefined) return known;
  const fresh: Tally = { own: null, told: new Map() };
  tallies.set(registerId, fresh);
  return fresh;
}

/** One pass and no lists: a thousand peers may tell of a thousand registers each. */
function count({ told }: Tally, advert: HeardAdvert): void {
  const same = told.get(advert.genesisHash) ?? newTold(advert);
  if (same.peers === 0) told.set(advert.genesisHash, same);
  same.peers += 1;
  if (advert.hasFullReplica) same.replicas += 1;
  if (!advert.isHearsay) countHeights(same, advert);
}

function countHeights(told: Told, advert: Advert): void {
  told.firstHand += 1;
  raise(told.versions, advert.latestVersion);
  raise(told.dockets, advert.latestDocketVersion);
}

function newTold(first: Advert): Told {
  return { first, peers: 0, replicas: 0, firstHand: 0, versions: [0, 0], dockets: [0, 0] };
}

function raise(highest: [number, number], height: number): void {
  if (height > highest[0]) {
    highest[1] = highest[0];
    highest[0] = height;
  } else if (height > highest[1]) highest[1] = height;
}

/** Of several genesis dockets the one that most tell counts; our own word before all others. */
function rowOf(registerId: string, { own, told }: Tally): AvailableRegister {
  const genesisHash = own === null ? mostTold(told) : own.genesisHash;
  const same = told.get(genesisHash);
  const first = own ?? same?.first;
  const heights = same ?? newTold(present(first, "what is told of a register"));
  if (own !== null) countHeights(heights, own);
  return {
    registerId,
    name: first?.name ?? null,
    description: first?.description ?? null,
    peerCount: same?.peers ?? 0,
    fullReplicaPeerCount: same?.replicas ?? 0,
    latestVersion: believed(heights.versions, heights.firstHand),
    latestDocketVersion: believed(heights.dockets, heights.firstHand),
    isPublic: first?.isPublic ?? false,
    genesisHash,
  };
}

function mostTold(told: ReadonlyMap<string | null, Told>): string | null {
  const [most] = [...told].sort((left, right) => right[1].peers - left[1].peers);
  return most?.[0] ?? null;
}

/** The highest that is told; where three or more tell, one of them alone is not believed. */
function believed(highest: readonly [number, number], tellers: number): number {
  return tellers >= 3 ? highest[1] : highest[0];
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
