import { book, type Peer } from "../peers/book.ts";
import { tellable } from "../peers/mesh.ts";
import { infoOf, recordOf } from "../peers/messages.ts";
import { mesh } from "../peers/network.ts";
import type { PeerRecord } from "../peers/record.ts";
import { limits } from "../runtime/limits.ts";
import { checkPeerInfo } from "../wire/checks.ts";
import { type PeerExchangeRequest, type PeerInfo, peerStatus } from "../wire/messages.ts";
import { answer, type Handler } from "../wire/serve.ts";
import { discovery } from "../wire/services.ts";

export interface DiscoveryOptions {
  nodeId: string;
  ownRecord: () => PeerRecord;
  nowMs: () => number;
  /** Registers that a peer brought news of. */
  wake: (registerIds: readonly string[]) => void;
}

/** `PeerDiscovery`: who is there, and who has what. Banned peers are neither heard nor told of. */
export function discoveryHandlers(options: DiscoveryOptions): Handler[] {
  const { nodeId } = options;
  return [
    answer(discovery.getPeerList, (request) => {
      const records = [options.ownRecord(), ...tellable(book(), request.requestingPeerId)];
      const wanted = bound(request.maxPeers, limits.listPeers);
      return { peers: records.slice(0, wanted).map(infoOf), totalPeers: records.length };
    }),
    answer(discovery.registerPeer, (request) => registerPeer(request.peerInfo, options)),
    answer(discovery.ping, () => ({
      peerId: nodeId,
      timestamp: Math.floor(options.nowMs() / 1000),
      status: peerStatus.online,
    })),
    answer(discovery.exchangePeers, (request) => exchangePeers(request)),
    answer(discovery.findPeersForRegister, (request) => {
      const holders = [...holdersOf(request, options)];
      const wanted = bound(request.maxPeers, limits.listPeers);
      return { peers: holders.slice(0, wanted).map(infoOf), totalPeers: holders.length };
    }),
  ];
}

/** A peer makes itself known. It is dialled back at once: only then is it believed to be there. */
function registerPeer(
  info: PeerInfo | null,
  options: DiscoveryOptions,
): { success: boolean; message: string } {
  if (info === null) return { success: false, message: "A peer info is required" };
  checkPeerInfo(info);
  const record = recordOf(info);
  const learned = book().learn(record, "itself");
  if (learned.kind === "refused") {
    return { success: false, message: refusals[learned.code] };
  }
  mesh().dialSoon(learned.peer.peerId);
  options.wake(record.adverts.map((advert) => advert.registerId));
  return { success: true, message: learned.kind === "new" ? "Peer registered" : "Peer updated" };
}

const refusals = {
  self: "That is this node itself",
  "bad-address": "Invalid peer address",
  "bad-id": "Invalid peer ID",
  banned: "Peer is banned here",
  "key-mismatch": "This peer ID belongs to another key",
  full: "Peer list is full",
} as const;

function exchangePeers(request: PeerExchangeRequest): {
  success: boolean;
  message: string;
  knownPeers: ReturnType<typeof infoOf>[];
} {
  const asker = book().get(request.peerId);
  if (asker === null || asker.isBanned) {
    return { success: false, message: "Register first", knownPeers: [] };
  }
  mesh().hear(request.knownPeers.map(recordOf));
  const wanted = bound(request.maxPeers, limits.exchangePeers);
  const knownPeers = tellable(book(), request.peerId).slice(0, wanted).map(infoOf);
  return { success: true, message: "", knownPeers };
}

function* holdersOf(
  request: { registerId: string; requireFullReplica: boolean; requestingPeerId: string },
  options: DiscoveryOptions,
): Iterable<PeerRecord> {
  const own = options.ownRecord();
  if (has(own, request)) yield own;
  for (const peer of book().connected()) {
    if (peer.peerId === request.requestingPeerId || peer.record === null) continue;
    const record = { ...peer.record, adverts: advertsOf(peer), lastSeenMs: peer.lastSeenMs };
    if (has(record, request)) yield record;
  }
}

/** What we heard last, but only of registers that may be told to anybody. */
function advertsOf(peer: Peer): PeerRecord["adverts"] {
  return [...peer.adverts.values()].filter((advert) => advert.isPublic);
}

function has(
  record: PeerRecord,
  wanted: { registerId: string; requireFullReplica: boolean },
): boolean {
  return record.adverts.some(
    (advert) =>
      advert.registerId === wanted.registerId &&
      (advert.hasFullReplica || !wanted.requireFullReplica),
  );
}

/** 0 is "as many as you give". */
function bound(wanted: number, most: number): number {
  return wanted <= 0 ? most : Math.min(wanted, most);
}
