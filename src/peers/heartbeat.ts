import type { Channel } from "../wire/client.ts";
import type {
  Draft,
  PeerHealthMetrics,
  PeerHeartbeatRequest,
  PeerHeartbeatResponse,
} from "../wire/messages.ts";
import { heartbeat } from "../wire/services.ts";
import type { Advert } from "./advert.ts";
import type { Book, Peer } from "./book.ts";
import { advertisementOf, advertOf } from "./messages.ts";

/** What heartbeats need to know of this node; both halves of the protocol use it. */
export interface HeartbeatOptions {
  nodeId: string;
  book: Book;
  /** What we hold and the peer may know of. */
  localAdverts: (peerId: string) => readonly Advert[];
  metrics: () => Draft<PeerHealthMetrics>;
  nowMs: () => number;
  monotonicMs: () => number;
  /** Called with the registers a peer has news of; replication looks for itself. */
  wake: (registerIds: readonly string[]) => void;
}

/** The asking half: one heartbeat. Throws when the peer doesn't answer; latency is monotonic. */
export async function sendHeartbeat(
  peer: Peer,
  call: {
    channel: Channel;
    sequence: number;
    timeoutMs: number;
    signal: AbortSignal;
    options: HeartbeatOptions;
  },
): Promise<{ latencyMs: number; isRegistered: boolean }> {
  const { options } = call;
  const adverts = options.localAdverts(peer.peerId);
  const sentAtMs = options.monotonicMs();
  const answer = await call.channel.unary(
    heartbeat.sendHeartbeat,
    {
      peerId: options.nodeId,
      timestamp: options.nowMs(),
      sequenceNumber: call.sequence,
      registerVersions: versionsOf(adverts),
      metrics: options.metrics(),
      advertisedRegisters: adverts.map(advertisementOf),
    },
    { deadlineMs: call.timeoutMs, signal: call.signal },
  );
  const latencyMs = options.monotonicMs() - sentAtMs;
  if (answer.success) hearAdverts(peer, answer.advertisedRegisters.map(advertOf), options);
  return { latencyMs, isRegistered: answer.success };
}

/** The answering half. A caller we don't know, or banned, is told so and changes nothing. */
export function answerHeartbeat(
  request: PeerHeartbeatRequest,
  options: HeartbeatOptions,
): Draft<PeerHeartbeatResponse> {
  const peer = options.book.get(request.peerId);
  const base = { peerId: options.nodeId, timestamp: options.nowMs() };
  if (peer === null || peer.isBanned) {
    const message = peer === null ? "Peer not registered" : "Peer is banned here";
    return { ...base, success: false, message };
  }
  peer.lastSeenMs = options.nowMs();
  hearAdverts(peer, request.advertisedRegisters.map(advertOf), options);
  const adverts = options.localAdverts(peer.peerId);
  return {
    ...base,
    success: true,
    registerVersions: versionsOf(adverts),
    metrics: options.metrics(),
    advertisedRegisters: adverts.map(advertisementOf),
  };
}

/** News is a register that the peer did not have before, or had with a lower docket. */
function hearAdverts(peer: Peer, adverts: readonly Advert[], options: HeartbeatOptions): void {
  const news = adverts.filter((advert) => {
    const before = peer.adverts.get(advert.registerId);
    return before === undefined || before.docketCount < advert.docketCount;
  });
  options.book.setAdverts(peer, adverts);
  if (news.length > 0) options.wake(news.map((advert) => advert.registerId));
}

function versionsOf(adverts: readonly Advert[]): Record<string, number> {
  return Object.fromEntries(adverts.map((advert) => [advert.registerId, advert.latestVersion]));
}
