import { PeerError } from "../base/error.ts";
import { type Address, addressText } from "./address.ts";
import { book } from "./book.ts";
import { channels } from "./channels.ts";
import { gate, mesh, save } from "./network.ts";
import type { Peer } from "./peer.ts";
import * as standing from "./standing.ts";

/**
 * What an operator does to peers, carried out on the running node: the book changes, connections
 * end both ways, and it is stored before anybody is told that it is done.
 */
export async function banPeer(peerId: string, reason: string | null): Promise<Peer> {
  const peer = standing.ban(book(), peerId, reason);
  channels().drop(peerId);
  gate().expel(peerId);
  await save();
  return peer;
}

export async function unbanPeer(peerId: string): Promise<Peer> {
  const peer = standing.unban(book(), peerId);
  mesh().forget(peerId);
  await save();
  mesh().dialSoon(peerId);
  return peer;
}

export async function resetPeer(peerId: string): Promise<{ previousFailureCount: number }> {
  const previousFailureCount = standing.reset(book(), peerId);
  const isConnected = book().get(peerId)?.connection === "connected";
  if (!isConnected) mesh().forget(peerId);
  await save();
  if (!isConnected) mesh().dialSoon(peerId);
  return { previousFailureCount };
}

/** Reaches the address and keeps whoever answers there. Throws `network` when nobody does. */
export async function addPeer(address: Address): Promise<Peer> {
  const peer = await mesh().reach(address);
  peer.isManual = true;
  book().note(peer, { type: "peer.added", message: "Added by the operator" });
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
  mesh().disconnect(peer, "Removed by the operator");
  mesh().forget(peerId);
  gate().expel(peerId);
  book().forget(peerId);
  await save();
}

function conflict(code: string, message: string): PeerError {
  return new PeerError("conflict", code, { message });
}
