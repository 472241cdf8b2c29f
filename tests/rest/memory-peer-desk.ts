import { PeerError } from "../../src/base/error.ts";
import type { PeerDesk, PeerEvent, PeerView } from "../../src/rest/peer-desk.ts";

/** Orders about peers, carried out on a list. */
export class MemoryPeerDesk implements PeerDesk {
  readonly advertised = new Map<string, boolean>();
  events: PeerEvent[] = [];

  constructor(private readonly node: { peers: PeerView[] }) {}

  ban = async (peerId: string, reason: string | null) => {
    const peer = this.#get(peerId);
    if (peer.isBanned) throw new PeerError("conflict", "already-banned", { message: "Banned" });
    return Object.assign(peer, { isBanned: true, bannedAtMs: 1_000, banReason: reason });
  };
  unban = async (peerId: string) => {
    const peer = this.#get(peerId);
    if (!peer.isBanned) throw new PeerError("conflict", "not-banned", { message: "Not banned" });
    return Object.assign(peer, { isBanned: false, bannedAtMs: null, banReason: null });
  };
  reset = async (peerId: string) => {
    const peer = this.#get(peerId);
    const previousFailureCount = peer.failureCount;
    peer.failureCount = 0;
    return { previousFailureCount };
  };
  add = async (address: string) => {
    const peer = newPeerView(`at-${address}`);
    this.node.peers.push(peer);
    return peer;
  };
  remove = async (peerId: string) => {
    const peer = this.#get(peerId);
    this.node.peers.splice(this.node.peers.indexOf(peer), 1);
  };
  connect = async (peerId: string) => Object.assign(this.#get(peerId), { isConnected: true });
  why = async (_: string, limit: number) => this.events.slice(0, limit);
  circuits = () => ({ closed: this.node.peers.length, open: 0, "half-open": 0 });
  isAdvertised = (registerId: string) => this.advertised.get(registerId) ?? true;
  setAdvertised = async (changes: ReadonlyMap<string, boolean>) => {
    for (const [registerId, isShown] of changes) this.advertised.set(registerId, isShown);
  };

  #get(peerId: string): PeerView {
    const peer = this.node.peers.find((one) => one.peerId === peerId);
    if (peer !== undefined) return peer;
    throw new PeerError("not-found", "unknown-peer", { message: "No such peer" });
  }
}

export function newPeerView(peerId: string, changes: Partial<PeerView> = {}): PeerView {
  return {
    peerId,
    address: "127.0.0.1",
    port: 5001,
    supportedProtocols: [],
    firstSeenMs: 1_000,
    lastSeenMs: 1_000,
    failureCount: 0,
    isSeedNode: false,
    isConnected: false,
    connection: "known",
    circuit: "closed",
    averageLatencyMs: 5,
    isBanned: false,
    bannedAtMs: null,
    banReason: null,
    quarantine: null,
    qualityScore: 60,
    quality: { minLatencyMs: 1, maxLatencyMs: 9, succeeded: 3, failed: 1, updatedAtMs: 1_000 },
    health: null,
    advertisedRegisters: [],
    ...changes,
  };
}
