import { PeerError } from "../base/error.ts";
import type { Identified } from "./serve.ts";

/**
 * Requests name who asks in fields of their own, as the older contract has it. Such a name is a
 * claim like the header's: it must be the caller's. One place for all methods: none forgets.
 */
export function checkClaims(request: unknown, caller: Identified): void {
  if (caller.peerId === null || typeof request !== "object" || request === null) return;
  for (const [field, claimed] of claimsIn(request)) {
    if (typeof claimed !== "string" || claimed === "" || claimed === caller.peerId) continue;
    const how = caller.provenId === null ? "says it is" : "is";
    throw new PeerError("unauthenticated", "false-identity", {
      message: `The caller ${how} ${caller.peerId}, and its request's ${field} names ${claimed.slice(0, 64)}`,
      facts: { field },
    });
  }
}

function claimsIn(request: object): [field: string, claimed: unknown][] {
  const { peerId, requestingPeerId, senderPeerId, nodeId, peerInfo } = request as Record<
    string,
    unknown
  >;
  const inner = (peerInfo ?? {}) as Record<string, unknown>;
  return [
    ["peer_id", peerId],
    ["requesting_peer_id", requestingPeerId],
    ["sender_peer_id", senderPeerId],
    ["node_id", nodeId],
    ["peer_info.peer_id", inner.peerId],
  ];
}
