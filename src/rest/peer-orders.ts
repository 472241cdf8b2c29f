import { PeerError } from "../base/error.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import type { PeerView } from "./peer-desk.ts";
import { findPeer, ratingOf, timeOf, toJson } from "./peers.ts";

/** What an operator has done about peers and adverts. */
export async function banPeer(
  call: Call<Endpoints["banPeer"]>,
): Promise<Reply<Endpoints["banPeer"]>> {
  const { peerId } = call.params;
  return { body: banOf(await call.source.peerDesk.ban(peerId, call.body.reason ?? null)) };
}

export async function unbanPeer(
  call: Call<Endpoints["unbanPeer"]>,
): Promise<Reply<Endpoints["unbanPeer"]>> {
  return { body: banOf(await call.source.peerDesk.unban(call.params.peerId)) };
}

export async function resetPeer(
  call: Call<Endpoints["resetPeer"]>,
): Promise<Reply<Endpoints["resetPeer"]>> {
  const { peerId } = call.params;
  const { previousFailureCount } = await call.source.peerDesk.reset(peerId);
  return { body: { peerId, failureCount: 0, previousFailureCount } };
}

export async function addPeer(
  call: Call<Endpoints["addPeer"]>,
): Promise<Reply<Endpoints["addPeer"]>> {
  return { status: 201, body: toJson(await call.source.peerDesk.add(call.body.address), call) };
}

export async function connectPeer(
  call: Call<Endpoints["connectPeer"]>,
): Promise<Reply<Endpoints["connectPeer"]>> {
  return { body: toJson(await call.source.peerDesk.connect(call.params.peerId), call) };
}

export async function removePeer(
  call: Call<Endpoints["removePeer"]>,
): Promise<Reply<Endpoints["removePeer"]>> {
  await call.source.peerDesk.remove(call.params.peerId);
  return { body: { peerId: call.params.peerId, removed: true } };
}

export async function whyPeer(
  call: Call<Endpoints["whyPeer"]>,
): Promise<Reply<Endpoints["whyPeer"]>> {
  const peer = findPeer(call.source, call.params.peerId);
  const events = await call.source.peerDesk.why(peer.peerId, call.query.limit);
  return {
    body: {
      peerId: peer.peerId,
      qualityScore: peer.qualityScore ?? 0,
      qualityRating: ratingOf(peer.qualityScore),
      connection: peer.connection,
      circuit: peer.circuit,
      isBanned: peer.isBanned,
      banReason: peer.banReason,
      quarantinedUntil: timeOf(peer.quarantine?.untilMs ?? null),
      events: events.map((event) => ({
        at: new Date(event.atMs).toISOString(),
        lastAt: new Date(event.lastAtMs).toISOString(),
        type: event.type,
        code: event.code,
        message: event.message,
        count: event.count,
        scoreBefore: event.pointsBefore,
        scoreAfter: event.pointsAfter,
        expiresAt: timeOf(event.untilMs),
      })),
    },
  };
}

/** What is not held here is not advertised, whoever says so; what is private stays so. */
export async function bulkAdvertise(
  call: Call<Endpoints["bulkAdvertise"]>,
): Promise<Reply<Endpoints["bulkAdvertise"]>> {
  const { advertisements, fullSync } = call.body;
  const { source } = call;
  const changes = new Map<string, boolean>();
  const ignored: string[] = [];
  for (const { registerId, isPublic } of advertisements) {
    const held = source.getRegister(registerId);
    if (held === null || (isPublic && !held.isPublic)) ignored.push(registerId);
    else changes.set(registerId, isPublic);
  }
  if (fullSync) {
    const told = new Set(advertisements.map((one) => one.registerId));
    for (const { registerId } of source.listRegisters()) {
      if (!told.has(registerId)) changes.set(registerId, false);
    }
  }
  const shown = [...changes].filter(([, isShown]) => isShown);
  const hidden = [...changes].filter(([, isShown]) => !isShown);
  const wasShown = ([registerId]: [string, boolean]) => source.peerDesk.isAdvertised(registerId);
  const updated = shown.filter(wasShown).length;
  const added = shown.length - updated;
  const removed = hidden.filter(wasShown).length;
  await source.peerDesk.setAdvertised(changes);
  return { body: { processed: advertisements.length, added, updated, removed, ignored } };
}

export async function advertise(
  call: Call<Endpoints["advertise"]>,
): Promise<Reply<Endpoints["advertise"]>> {
  const { registerId } = call.params;
  const { isPublic } = call.body;
  const held = call.source.getRegister(registerId);
  if (held === null) {
    throw new PeerError("not-found", "unknown-register", {
      message: `There is no register ${registerId} here`,
      facts: { registerId },
    });
  }
  if (isPublic && !held.isPublic) {
    throw new PeerError("conflict", "private-register", {
      message: `Register ${registerId} is private by its policy: it can't be told to everybody`,
    });
  }
  await call.source.peerDesk.setAdvertised(new Map([[registerId, isPublic]]));
  return { body: { registerId, isPublic } };
}

function banOf(peer: PeerView): {
  peerId: string;
  isBanned: boolean;
  bannedAt: string | null;
  banReason: string | null;
} {
  const { peerId, isBanned, bannedAtMs, banReason } = peer;
  return { peerId, isBanned, bannedAt: timeOf(bannedAtMs), banReason };
}
