import { isAddressUsable } from "./address.ts";
import type { Peer } from "./peer.ts";
import type { PeerRecord } from "./record.ts";

export interface FailureReport {
  /** 1 is an unanswered call; a proven lie weighs more. */
  weight?: number;
  /** One sentence. */
  what?: string;
  /** The same as a stable name. */
  code?: string;
}

/** Something that an operator may ask the reason of. */
export interface Happened {
  type: string;
  message: string;
  facts?: Record<string, unknown>;
}

/**
 * itself  we dialled the address and it answered under this name
 * caller  somebody who called us says it of himself: nobody has shown that he is there
 * gossip  somebody else says it
 */
export type Teller = "itself" | "caller" | "gossip";

/** What is known of the telling beside the record. */
export interface Telling {
  sourceGroup?: string;
  isCertified?: boolean;
}

export type Learned =
  | { kind: "new" | "updated" | "known"; peer: Peer }
  | { kind: "refused"; code: LearnRefusal };

export type LearnRefusal = "self" | "bad-address" | "bad-id" | "banned" | "key-mismatch" | "full";

/** One sentence for both sides' logs. */
export function refusalText(code: LearnRefusal, peerId: string): string {
  switch (code) {
    case "self":
      return "That is this node itself";
    case "bad-address":
      return "Invalid peer address";
    case "bad-id":
      return "Invalid peer ID";
    case "banned":
      return "Peer is banned here";
    case "full":
      return "Peer list is full";
    case "key-mismatch":
      return (
        `The name ${peerId} belongs to another key; if its data directory was wiped on purpose, ` +
        `every peer that knew it must first: sorcha-peer peers remove ${peerId} --yes`
      );
  }
}

export interface BookOptions {
  ownId: string;
  nowMs: () => number;
  /** Whether the record carries a true signature of its key. */
  isGenuine: (record: PeerRecord) => boolean;
  /** Another key claims a known name; told at most once in a while for each name. */
  onConflict?: (conflict: { peerId: string; teller: Teller }) => void;
  /** Whether an address that strangers tell may be dialled; left out: any. */
  mayDial?: (host: string) => boolean;
  /** Where strangers' records land depends on it, so that they can't aim. */
  secret?: string;
}

/** Why a record can't be taken in by anybody's word; null: it might. */
export function recordProblem(
  record: PeerRecord,
  given: Pick<BookOptions, "ownId" | "mayDial"> & { teller: Teller },
): LearnRefusal | null {
  if (record.peerId === given.ownId) return "self";
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(record.peerId)) return "bad-id";
  if (!isAddressUsable(record)) return "bad-address";
  const isOwnWord = given.teller === "itself";
  return isOwnWord || given.mayDial?.(record.host) !== false ? null : "bad-address";
}
