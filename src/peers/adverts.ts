import { limits } from "../runtime/limits.ts";
import type { Advert } from "./advert.ts";
import { book, type Peer } from "./book.ts";
import { replicationProtocol } from "./record.ts";

/** A peer that a register can be pulled from, as far as we know. */
export interface Source {
  peerId: string;
  advert: Advert;
  /** Speaks our own protocol; otherwise the Sorcha-compatible RPCs are used. */
  speaksReplication: boolean;
  isConnected: boolean;
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

/** Who says they hold the register, the best first: connected, whole, well scored. */
export function sourcesOf(registerId: string): Source[] {
  const sources = book()
    .usable()
    .flatMap((peer) => {
      const advert = peer.adverts.get(registerId);
      return advert === undefined ? [] : [sourceOf(peer, advert)];
    });
  return sources.sort(
    (left, right) =>
      Number(right.isConnected) - Number(left.isConnected) ||
      Number(right.advert.hasFullReplica) - Number(left.advert.hasFullReplica) ||
      right.points - left.points ||
      left.peerId.localeCompare(right.peerId),
  );
}

/**
 * What can be subscribed to: what peers advertise, and what we hold ourselves, one row a register.
 * Names and heights are the tellers' words; of several, the highest height is shown.
 */
export function availableRegisters(own: readonly Advert[]): AvailableRegister[] {
  const rows = new Map<string, AvailableRegister>();
  for (const advert of own) addTo(rows, advert, { isPeer: false });
  for (const peer of book().usable()) {
    for (const advert of peer.adverts.values()) addTo(rows, advert, { isPeer: true });
  }
  return [...rows.values()].sort((left, right) => left.registerId.localeCompare(right.registerId));
}

/** At most this many adverts go into one message. */
export function boundAdverts(adverts: readonly Advert[]): readonly Advert[] {
  return adverts.slice(0, limits.advertsPerPeer);
}

function addTo(
  rows: Map<string, AvailableRegister>,
  advert: Advert,
  options: { isPeer: boolean },
): void {
  const row = rows.get(advert.registerId) ?? {
    registerId: advert.registerId,
    name: null,
    description: null,
    peerCount: 0,
    fullReplicaPeerCount: 0,
    latestVersion: 0,
    latestDocketVersion: 0,
    isPublic: advert.isPublic,
    genesisHash: null,
  };
  rows.set(advert.registerId, row);
  row.name ??= advert.name;
  row.description ??= advert.description;
  row.genesisHash ??= advert.genesisHash;
  row.latestVersion = Math.max(row.latestVersion, advert.latestVersion);
  row.latestDocketVersion = Math.max(row.latestDocketVersion, advert.latestDocketVersion);
  if (options.isPeer) {
    row.peerCount += 1;
    row.fullReplicaPeerCount += Number(advert.hasFullReplica);
  }
}

function sourceOf(peer: Peer, advert: Advert): Source {
  return {
    peerId: peer.peerId,
    advert,
    speaksReplication: peer.protocols.includes(replicationProtocol),
    isConnected: peer.connection === "connected",
    points: book().pointsOf(peer),
  };
}
