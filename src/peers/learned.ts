import type { Peer } from "./peer.ts";
import type { PeerRecord } from "./record.ts";

/**
 * itself  we dialled the address and it answered under this name
 * caller  somebody who called us says it of himself: nobody has shown that he is there
 * gossip  somebody else says it
 */
export type Teller = "itself" | "caller" | "gossip";

export type Learned =
  | { kind: "new" | "updated" | "known"; peer: Peer }
  | { kind: "refused"; code: LearnRefusal };

export type LearnRefusal = "self" | "bad-address" | "bad-id" | "banned" | "key-mismatch" | "full";

export interface BookOptions {
  ownId: string;
  nowMs: () => number;
  /** Whether the record carries a true signature of its key. */
  isGenuine: (record: PeerRecord) => boolean;
  /** Whether an address that strangers tell may be dialled; left out: any. */
  mayDial?: (host: string) => boolean;
  /** Where strangers' records land depends on it, so that they can't aim. */
  secret?: string;
}
