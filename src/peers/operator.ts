import { PeerError } from "../base/error.ts";
import { type Address, addressText } from "./address.ts";
import { book } from "./book.ts";
import { channels } from "./channels.ts";
import { carryOut, gate, mesh, save } from "./network.ts";
import type { Peer } from "./peer.ts";
import { deletePeers, savePeers } from "./peers-table.ts";
import * as standing from "./standing.ts";

/**
 * What an operator does to peers, carried out on the running node. It is stored first: what can't
 * be stored is refused and not done, so that no restart takes back what was answered.
 */
export async function banPeer(peerId: string, reason: string | null): Promise<Peer> {
  const known = standing.mayBeBanned(book(), peerId);
  const banned = { ...known, isBanned: true, bannedAtMs: book().nowMs(), banReason: reason };
  const peer = await carryOut(
    (sql) => savePeers(sql, [banned]),
    () => standing.ban(book(), peerId, reason),
  );
  channels().drop(peerId);
  gate().expel(peerId);
  await save();
  return peer;
}

export async function unbanPeer(peerId: string): Promise<Peer> {
  const known = standing.mayBeUnbanned(book(), peerId);
  const free = { ...known, isBanned: false, bannedAtMs: null, banReason: null };
  const peer = await carryOut(
    (sql) => savePeers(sql, [free]),
    () => standing.unban(book(), peerId),
  );
  mesh().forget(peerId);
  await save();
  mesh().dialSoon(peerId);
  return peer;
}

export async function resetPeer(peerId: string): Promise<{ previousFailureCount: number }> {
  const fresh = { ...standing.known(book(), peerId), failureCount: 0, quarantine: null };
  const previousFailureCount = await carryOut(
    (sql) => savePeers(sql, [fresh]),
    () => standing.reset(book(), peerId),
  );
  const isConnected = book().get(peerId)?.connection === "connected";
  if (!isConnected) mesh().forget(peerId);
  await save();
  if (!isConnected) mesh().dialSoon(peerId);
  return { previousFailureCount };
}

/** Reaches the address and keeps whoever answers there. Throws `network` when nobody does. */
export async function addPeer(address: Address): Promise<Peer> {
  const peer = await mesh().reach(address);
  await carryOut(
    (sql) => savePeers(sql, [{ ...peer, isManual: true }]),
    () => {
      peer.isManual = true;
      book().note(peer, { type: "peer.added", message: "Added by the operator" });
    },
  );
  await save();
  return peer;
}

/** Dials it now, whatever happened before. */
export async function connectPeer(peerId: string): Promise<Peer> {
  const peer = standing.known(book(), peerId);
  if (peer.isBanned) throw conflict("banned", `Peer ${peerId} is banned: unban it first`);
  if (peer.connection === "connected") return peer;
  mesh().forget(peerId);
  const reached = await mesh().reach({ host: peer.host, port: peer.port });
  if (reached.peerId === peerId) return reached;
  throw new PeerError("network", "another-node", {
    message: `At ${addressText(peer)} answers ${reached.peerId}, not ${peerId}`,
  });
}

/**
 * Forgets it with everything that was known: it may come back as a stranger, with a new key too.
 */
export async function removePeer(peerId: string): Promise<void> {
  const peer = standing.known(book(), peerId);
  if (peer.isBanned) throw conflict("banned", `Peer ${peerId} is banned: unban it first`);
  await carryOut(
    (sql) => deletePeers(sql, [peerId]),
    () => {
      mesh().disconnect(peer, { code: "removed", reason: "Removed by the operator" });
      mesh().forget(peerId);
      gate().expel(peerId);
      book().forget(peerId);
    },
  );
  await save();
}

function conflict(code: string, message: string): PeerError {
  return new PeerError("conflict", code, { message });
}
