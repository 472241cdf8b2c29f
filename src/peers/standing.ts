import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import { peerBanned, peerQuarantined } from "../telemetry/recording.ts";
import type { Book } from "./book.ts";
import type { Peer } from "./peer.ts";

/**
 * What an operator decides about a peer, and what lies bring upon it. Values only: who closes
 * connections and writes rows is told afterwards.
 */
export function ban(book: Book, peerId: string, reason: string | null): Peer {
  const peer = mayBeBanned(book, peerId);
  book.markBanned(peer, { atMs: book.nowMs(), reason });
  peer.connection = "disconnected";
  const why = reason === null || reason === "" ? "" : `: ${reason}`;
  const facts = { code: "operator", ...(why === "" ? {} : { reason }) };
  book.note(peer, { type: "peer.banned", message: `Banned by the operator${why}`, facts });
  peerBanned("operator");
  return peer;
}

export function unban(book: Book, peerId: string): Peer {
  const peer = mayBeUnbanned(book, peerId);
  book.markBanned(peer, null);
  peer.connection = "known";
  book.note(peer, { type: "peer.unbanned", message: "Unbanned by the operator" });
  return peer;
}

/** Failures and quarantine are forgotten; the score stays. Gives the failures there were. */
export function reset(book: Book, peerId: string): number {
  const peer = known(book, peerId);
  const previous = peer.failureCount;
  peer.failureCount = 0;
  peer.quarantine = null;
  const message = `Reset by the operator after ${previous} failures in a row`;
  book.note(peer, { type: "peer.reset", message });
  return previous;
}

/** It served something false: left alone for a while, each time for longer. */
export function quarantine(
  book: Book,
  peerId: string,
  why: { code: string; reason: string },
): void {
  const { code, reason } = why;
  const peer = book.get(peerId);
  if (peer === null || book.isResting(peer)) return;
  const count = (peer.quarantine?.count ?? 0) + 1;
  const lastsMs = Math.min(limits.quarantineLongestMs, limits.quarantineMs * 2 ** (count - 1));
  const untilMs = book.nowMs() + lastsMs;
  peer.quarantine = { untilMs, reason, count };
  const message = `Quarantined for ${Math.round(lastsMs / 60_000)} min: ${reason}`;
  const facts = { code, count };
  book.note(peer, { type: "peer.quarantined", message: message.slice(0, 500), untilMs, facts });
  peerQuarantined(code);
}

/**
 * What time does to the book: adverts that nobody repeated stop counting, and whom nobody reached
 * for long is forgotten, so that a name may come back with a new key. Gives who was forgotten.
 */
export function expire(book: Book): string[] {
  const nowMs = book.nowMs();
  for (const peer of book.list()) {
    for (const advert of peer.adverts.values()) {
      if (nowMs - advert.heardAtMs > limits.advertMs) peer.adverts.delete(advert.registerId);
    }
  }
  const gone = book.list().filter((peer) => isForgettable(peer, nowMs));
  return gone.map((peer) => peer.peerId).filter((peerId) => book.forget(peerId));
}

function isForgettable(peer: Peer, nowMs: number): boolean {
  if (peer.isSeed || peer.isManual || peer.isBanned) return false;
  if (peer.connection === "connected" || peer.connection === "connecting") return false;
  const isHearsay = !peer.isTried && peer.lastSeenMs === 0;
  if (isHearsay && peer.failureCount >= limits.hearsayDials) return true;
  return nowMs - Math.max(peer.lastSeenMs, peer.firstSeenMs) > limits.forgetPeerMs;
}

export function mayBeBanned(book: Book, peerId: string): Peer {
  const peer = known(book, peerId);
  if (peer.isBanned) throw conflict("already-banned", `Peer ${peerId} is already banned`);
  return peer;
}

export function mayBeUnbanned(book: Book, peerId: string): Peer {
  const peer = known(book, peerId);
  if (!peer.isBanned) throw conflict("not-banned", `Peer ${peerId} is not banned`);
  return peer;
}

export function known(book: Book, peerId: string): Peer {
  const peer = book.get(peerId);
  if (peer !== null) return peer;
  throw new PeerError("not-found", "unknown-peer", {
    message: `There is no peer ${peerId} in the book`,
    facts: { peerId },
  });
}

function conflict(code: string, message: string): PeerError {
  return new PeerError("conflict", code, { message });
}
