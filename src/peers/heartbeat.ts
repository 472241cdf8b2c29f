import { heartbeatAnswered, heartbeatRejected } from "../telemetry/recording.ts";
import { inSpan } from "../telemetry/tracer.ts";
import type { Channel } from "../wire/client.ts";
import type {
  Draft,
  PeerHealthMetrics,
  PeerHeartbeatRequest,
  PeerHeartbeatResponse,
} from "../wire/messages.ts";
import { heartbeat } from "../wire/services.ts";
import type { Advert } from "./advert.ts";
import type { Book } from "./book.ts";
import { advertisementOf, advertOf } from "./messages.ts";
import type { Peer } from "./peer.ts";

/*
 * As a client this node sends single calls and not `StreamHeartbeat`, which it only answers. Both
 * cost one HTTP/2 stream's frames on the same connection. A single call has a deadline, and with it
 * an outcome for circuit and score, and a latency of its own; its credentials are checked anew each
 * time, where a conversation goes on with those that it began with; and a half-open line can't hold
 * it for longer than its deadline.
 */

/** What heartbeats need to know of this node; both halves of the protocol use it. */
export interface HeartbeatOptions {
  nodeId: string;
  book: Book;
  /** What we hold and the peer may know of; null is anybody. */
  localAdverts: (peerId: string | null) => readonly Advert[];
  metrics: () => Draft<PeerHealthMetrics>;
  nowMs: () => number;
  monotonicMs: () => number;
  /** Called with the registers a peer has news of; replication looks for itself. */
  wake: (registerIds: readonly string[]) => void;
  /** Whether each connection proves that at its other end is the peer that it was made to. */
  provesPeers: boolean;
  /** Asks the peer itself for its heartbeat, soon. */
  beatSoon: (peerId: string) => void;
  /** The peer proved that it is there: whatever waits for it need not. */
  showedItself: (peerId: string) => void;
}

/**
 * The asking half: one heartbeat. Throws when the peer doesn't answer; latency is monotonic. Where
 * nothing proves who receives it, somebody else may stand at the peer's address by now: private
 * registers are then told only in answers, to the heartbeats that a reader signs.
 */
export async function sendHeartbeat(
  peer: Peer,
  call: {
    channel: Channel;
    sequence: number;
    timeoutMs: number;
    signal: AbortSignal;
    options: Omit<HeartbeatOptions, "beatSoon" | "showedItself">;
  },
): Promise<{ latencyMs: number; isRegistered: boolean; answeredBy: string | null }> {
  const { options } = call;
  const publicOnly = !options.provesPeers;
  const adverts = options.localAdverts(publicOnly ? null : peer.peerId);
  const sentAtMs = options.monotonicMs();
  const request = {
    peerId: options.nodeId,
    timestamp: options.nowMs(),
    sequenceNumber: call.sequence,
    registerVersions: versionsOf(adverts),
    metrics: options.metrics(),
    advertisedRegisters: adverts.map(advertisementOf),
    publicOnly,
  };
  const deadline = { deadlineMs: call.timeoutMs, signal: call.signal };
  const facts = { "peer.id": peer.peerId, sequence_number: call.sequence };
  const answer = await inSpan("peer.heartbeat.send", { side: "client", facts }, () =>
    call.channel.unary(heartbeat.sendHeartbeat, request, deadline),
  );
  const latencyMs = options.monotonicMs() - sentAtMs;
  heartbeatAnswered(latencyMs);
  // A time in seconds is too coarse to say anything of a clock.
  if (answer.timestamp > firstMs) {
    peer.clockAheadMs = answer.timestamp - (options.nowMs() - latencyMs / 2);
  }
  const answeredBy = answer.peerId === "" ? null : answer.peerId;
  // While it answered, it may have been banned.
  if (answer.success && (answeredBy ?? peer.peerId) === peer.peerId && !peer.isBanned) {
    peer.health = answer.metrics;
    hearAdverts(peer, answer.advertisedRegisters.map(advertOf), options);
  }
  return { latencyMs, isRegistered: answer.success, answeredBy };
}

/** Times below are seconds: see the protocol. */
const firstMs = 10 ** 11;

/**
 * The answering half. Whoever calls can write any name into a heartbeat, so an unproven one changes
 * nothing here: where it tells news, the peer of that name is asked by a call of our own. A caller
 * we don't know, or banned, is told so.
 */
export function answerHeartbeat(
  request: PeerHeartbeatRequest,
  options: HeartbeatOptions & { isProven: boolean; readerId: string | null },
): Draft<PeerHeartbeatResponse> {
  const peer = options.book.get(request.peerId);
  const base = { peerId: options.nodeId, timestamp: options.nowMs() };
  if (peer === null || peer.isBanned) {
    const message = peer === null ? "Peer not registered" : "Peer is banned here";
    heartbeatRejected(peer === null ? "not-registered" : "banned");
    return { ...base, success: false, message };
  }
  const { publicOnly } = request;
  const told = request.advertisedRegisters.map(advertOf);
  if (options.isProven) {
    peer.lastSeenMs = options.nowMs();
    peer.health = request.metrics;
    hearAdverts(peer, told, { ...options, publicOnly });
    options.showedItself(peer.peerId);
  } else if (peer.connection !== "connected" || isNews(peer, told, publicOnly)) {
    options.beatSoon(peer.peerId);
  }
  // A name alone opens no private register: that takes proof.
  const adverts = options.localAdverts(options.readerId);
  return {
    ...base,
    success: true,
    registerVersions: versionsOf(adverts),
    metrics: options.metrics(),
    advertisedRegisters: adverts.map(advertisementOf),
  };
}

function hearAdverts(
  peer: Peer,
  adverts: readonly Advert[],
  options: Pick<HeartbeatOptions, "book" | "wake"> & { publicOnly?: boolean },
): void {
  const news = newsOf(peer, adverts);
  options.book.setAdverts(peer, adverts, { publicOnly: options.publicOnly ?? false });
  if (news.length > 0) options.wake(news.map((advert) => advert.registerId));
}

/** A register that the peer did not have before, or had with a lower docket. */
function newsOf(peer: Peer, adverts: readonly Advert[]): Advert[] {
  return adverts.filter((advert) => {
    const before = peer.adverts.get(advert.registerId);
    return before === undefined || before.isHearsay || before.docketCount < advert.docketCount;
  });
}

/** News, or something that it no longer tells. */
function isNews(peer: Peer, adverts: readonly Advert[], publicOnly: boolean): boolean {
  const heard = adverts.filter((advert) => advert.docketCount > 0);
  const before = [...peer.adverts.values()].filter((advert) => advert.isPublic || !publicOnly);
  return newsOf(peer, heard).length > 0 || heard.length < before.length;
}

function versionsOf(adverts: readonly Advert[]): Record<string, number> {
  return Object.fromEntries(adverts.map((advert) => [advert.registerId, advert.latestVersion]));
}
