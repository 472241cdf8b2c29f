import { isEqual } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { hostOfConnection, limitedAs } from "../base/host.ts";
import { pickSome } from "../base/prng.ts";
import { limits } from "../runtime/limits.ts";
import { checkPeerInfo } from "../wire/checks.ts";
import type * as m from "../wire/messages.ts";
import { peerStatus } from "../wire/messages.ts";
import { refuse } from "../wire/status.ts";
import { networkGroup } from "./address.ts";
import { Allowance } from "./allowance.ts";
import type { Book } from "./book.ts";
import { tellable } from "./exchange.ts";
import { refusalText } from "./learned.ts";
import { infoOf, recordOf } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { PeerRecord } from "./record.ts";

/** Who calls, as far as discovery asks. */
export interface Asker {
  /** As the connection has it. */
  address: string;
  /** Who it is beyond doubt; null where that is only claimed. */
  provenId: string | null;
  /** The key that signed this very call; null when none did. */
  publicKey: Uint8Array | null;
}

export interface DiscoveryOptions {
  nodeId: string;
  book: Book;
  ownRecord: () => PeerRecord;
  nowMs: () => number;
  monotonicMs: () => number;
  dice: () => number;
  /** Reaches a peer that showed itself; bounded by itself. */
  dialSoon: (peerId: string) => void;
  /** Takes in what a peer says of others. */
  hear: (records: readonly PeerRecord[], tellerHost: string) => void;
}

/**
 * What this node answers about who is there and who has what. Banned peers are neither heard nor
 * told of, nothing that a caller says of itself is believed before it was reached, and each host
 * gets a bounded share of our attention.
 */
export class Discovery {
  readonly #registrations: Allowance;
  readonly #questions: Allowance;

  constructor(private readonly options: DiscoveryOptions) {
    const { monotonicMs } = options;
    const shared = { namesMax: 4_096, monotonicMs };
    this.#registrations = new Allowance({ ...shared, perSecond: 20, burst: 200 });
    this.#questions = new Allowance({ ...shared, perSecond: 50, burst: 500 });
  }

  getPeerList(request: m.PeerListRequest, asker: Asker): m.Draft<m.PeerListResponse> {
    this.#allow(this.#questions, asker);
    const { book, dice } = this.options;
    const asked = { askerId: request.requestingPeerId, dice };
    const records = [this.options.ownRecord(), ...tellable(book, asked)];
    const wanted = bound(request.maxPeers, limits.listPeers);
    return { peers: records.slice(0, wanted).map(infoOf), totalPeers: records.length };
  }

  /** A peer makes itself known. It is dialled back, by and by: only then is it believed. */
  registerPeer(request: m.RegisterPeerRequest, asker: Asker): m.Draft<m.RegisterPeerResponse> {
    this.#allow(this.#registrations, asker);
    const info = request.peerInfo;
    if (info === null) return { success: false, message: "A peer info is required" };
    checkPeerInfo(info);
    checkCount("advertised_registers", info.advertisedRegisters, limits.advertsPerPeer);
    const sourceGroup = networkGroup(hostOfConnection(asker.address));
    const isCertified = asker.provenId !== null && asker.provenId === info.peerId;
    const learned = this.options.book.learn(recordOf(info), "caller", { sourceGroup, isCertified });
    if (learned.kind === "refused") {
      return { success: false, message: refusalText(learned.code, info.peerId) };
    }
    if (learned.peer.connection !== "connected") this.options.dialSoon(learned.peer.peerId);
    return { success: true, message: learned.kind === "new" ? "Peer registered" : "Peer updated" };
  }

  ping(): m.Draft<m.PingResponse> {
    const timestamp = Math.floor(this.options.nowMs() / 1000);
    return { peerId: this.options.nodeId, timestamp, status: peerStatus.online };
  }

  /** A list is taken from peers that we reached ourselves, whole or not at all. */
  exchangePeers(request: m.PeerExchangeRequest, asker: Asker): m.Draft<m.PeerExchangeResponse> {
    this.#allow(this.#questions, asker);
    checkCount("known_peers", request.knownPeers, limits.exchangePeers);
    const { book, dice } = this.options;
    const peer = book.get(request.peerId);
    if (peer === null || peer.isBanned) {
      return { success: false, message: "Register first", knownPeers: [] };
    }
    const isMet = peer.isTried && peer.connection === "connected" && !book.isResting(peer);
    if (isMet) this.options.hear(request.knownPeers.map(recordOf), hostOfConnection(asker.address));
    const wanted = bound(request.maxPeers, limits.exchangePeers);
    const told = tellable(book, { askerId: request.peerId, dice });
    return { success: true, message: "", knownPeers: told.slice(0, wanted).map(infoOf) };
  }

  findPeersForRegister(
    request: m.FindPeersForRegisterRequest,
    asker: Asker,
  ): m.Draft<m.FindPeersForRegisterResponse> {
    this.#allow(this.#questions, asker);
    const holders = [...this.#holdersOf(request)];
    const wanted = bound(request.maxPeers, limits.listPeers);
    const peers = pickSome(holders, wanted, this.options.dice).map(infoOf);
    return { peers, totalPeers: holders.length };
  }

  *#holdersOf(request: m.FindPeersForRegisterRequest): Iterable<PeerRecord> {
    const { book } = this.options;
    const own = this.options.ownRecord();
    if (has(own, request)) yield own;
    for (const peer of book.connected()) {
      const isAsker = peer.peerId === request.requestingPeerId;
      if (isAsker || peer.record === null || book.isResting(peer)) continue;
      const record = { ...peer.record, adverts: publicAdverts(peer), lastSeenMs: peer.lastSeenMs };
      if (has(record, request)) yield record;
    }
  }

  #allow(allowance: Allowance, asker: Asker): void {
    if (allowance.take(limitedAs(hostOfConnection(asker.address)))) return;
    throw refuse("BUSY", { message: "This host asks too often; later", retryAfterMs: 1_000 });
  }
}

/** Whether it is beyond doubt that the caller is the node of this name. */
export function isProvenAs(peerId: string, asker: Asker, book: Book): boolean {
  if (asker.provenId !== null) return asker.provenId === peerId;
  const key = book.get(peerId)?.publicKey ?? null;
  return key !== null && asker.publicKey !== null && isEqual(key, asker.publicKey);
}

/** What we heard last, but only of registers that may be told to anybody. */
function publicAdverts(peer: Peer): PeerRecord["adverts"] {
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

function checkCount(field: string, items: readonly unknown[], countMax: number): void {
  if (items.length <= countMax) return;
  throw new PeerError("too-large", "too-many", {
    message: `Field ${field} holds ${items.length} items, more than the ${countMax} allowed`,
    facts: { field, count: items.length, countMax },
  });
}

/** 0 is "as many as you give". */
function bound(wanted: number, most: number): number {
  return wanted <= 0 ? most : Math.min(wanted, most);
}
