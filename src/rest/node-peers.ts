import { PeerError } from "../base/error.ts";
import { parseAddress } from "../peers/address.ts";
import * as advertSettings from "../peers/advert-settings.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import type { JournalEntry } from "../peers/journal.ts";
import { mesh } from "../peers/network.ts";
import * as operator from "../peers/operator.ts";
import type { Peer } from "../peers/peer.ts";
import { known } from "../peers/standing.ts";
import { listEvents, type StoredEvent } from "../registers/events-table.ts";
import { sql } from "../store/sql.ts";
import type { PeerDesk, PeerEvent, PeerView } from "./peer-desk.ts";

/** What REST asks and orders about peers, answered by the real node. */
export function nodePeerDesk(): PeerDesk {
  return {
    ban: async (peerId, reason) => viewOf(await operator.banPeer(peerId, reason)),
    unban: async (peerId) => viewOf(await operator.unbanPeer(peerId)),
    reset: operator.resetPeer,
    add: async (text) => {
      const address = parseAddress(text);
      if (address !== null) return viewOf(await operator.addPeer(address));
      throw new PeerError("invalid", "bad-address", {
        message: `The address ${JSON.stringify(text)} is none that can be dialled`,
      });
    },
    remove: operator.removePeer,
    connect: async (peerId) => viewOf(await operator.connectPeer(peerId)),
    why,
    circuits: () => channels().circuitCounts(),
    isAdvertised: advertSettings.isAdvertised,
    setAdvertised: async (changes) => {
      await advertSettings.setAdvertised(changes);
      mesh().tellSoon();
    },
  };
}

export function viewOf(peer: Peer): PeerView {
  const { score, quarantine } = peer;
  return {
    peerId: peer.peerId,
    address: peer.host,
    port: peer.port,
    supportedProtocols: peer.protocols,
    firstSeenMs: peer.firstSeenMs,
    lastSeenMs: peer.lastSeenMs,
    failureCount: peer.failureCount,
    isSeedNode: peer.isSeed,
    isConnected: peer.connection === "connected",
    connection: peer.connection,
    circuit: channels().circuitName(peer.peerId),
    averageLatencyMs: rounded(score.latencyMs),
    isBanned: peer.isBanned,
    bannedAtMs: peer.bannedAtMs,
    banReason: peer.banReason,
    quarantine: book().isResting(peer) ? quarantine : null,
    qualityScore: book().pointsOf(peer),
    quality: {
      minLatencyMs: rounded(score.latencyMinMs),
      maxLatencyMs: rounded(score.latencyMaxMs),
      succeeded: score.succeeded,
      failed: score.failed,
      updatedAtMs: score.updatedAtMs,
    },
    health: peer.health,
    // A thousand of them, which most who ask for a peer do not look at.
    get advertisedRegisters() {
      return peer.adverts.values();
    },
  };
}

/** What is stored, and what was not stored yet. */
async function why(peerId: string, limit: number): Promise<PeerEvent[]> {
  const { journal } = book();
  known(book(), peerId);
  const stored = await listEvents(sql(), { peerId, countMax: limit });
  const fresh = journal.of(peerId).filter((entry) => journal.isUnstored(entry));
  return [...stored.map(eventOf), ...fresh.map(freshOf)].reverse().slice(0, limit);
}

function freshOf(entry: JournalEntry): PeerEvent {
  return { ...entry, code: codeOf(entry.facts) };
}

function codeOf({ code }: Record<string, unknown>): string | null {
  return typeof code === "string" ? code : null;
}

/** What a register's loop noted of it as a source tells how long it rests instead. */
function eventOf(event: StoredEvent): PeerEvent {
  const rest = event.facts.restMs;
  const number = (name: string) => {
    const value = event.facts[name];
    return typeof value === "number" ? value : null;
  };
  return {
    atMs: event.atMs,
    lastAtMs: number("lastAtMs") ?? event.atMs,
    type: event.type,
    code: codeOf(event.facts),
    message: event.message,
    count: number("count") ?? 1,
    pointsBefore: number("pointsBefore"),
    pointsAfter: number("pointsAfter"),
    untilMs: number("untilMs") ?? (typeof rest === "number" ? event.atMs + rest : null),
  };
}

/** A tenth of a millisecond is as much as anybody can use. */
function rounded(ms: number | null): number {
  return Math.round((ms ?? 0) * 10) / 10;
}
