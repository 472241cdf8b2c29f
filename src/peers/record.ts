import { base64urlOf, utf8 } from "../base/bytes.ts";
import { isLikeNameOfKey, nodeIdOfKey } from "../trust/node-key.ts";
import type { Advert } from "./advert.ts";

/**
 * What a peer says of itself, signed with its own key, so that third parties can pass it on without
 * being able to change it. Heights are left out of the signature: they move all the time and are
 * hints in any case.
 */
export interface PeerRecord {
  peerId: string;
  host: string;
  port: number;
  protocols: string[];
  adverts: Advert[];
  /** Raw Ed25519 key, 32 bytes; null from peers that don't sign (.NET). */
  publicKey: Uint8Array | null;
  /** Grows with every change; only a higher one replaces a record. */
  seq: number;
  signature: Uint8Array | null;
  /** Unix ms; 0 when the teller doesn't know. */
  lastSeenMs: number;
}

/** The protocol two nodes of this program prefer over the Sorcha-compatible RPCs. */
export const replicationProtocol = "register-replication-v1";

/** The bytes under a record's signature: a domain tag, then the signed facts as compact JSON. */
export function recordBytes(record: PeerRecord): Uint8Array {
  const facts = [
    record.peerId,
    record.host,
    record.port,
    record.protocols,
    record.publicKey === null ? "" : base64urlOf(record.publicKey),
    record.seq,
    record.adverts.map((advert) => [advert.registerId, advert.genesisHash ?? "", advert.isPublic]),
  ];
  return utf8(`sorcha-peer-record-v1:${JSON.stringify(facts)}`);
}

export function isSigned(record: PeerRecord): boolean {
  return record.publicKey !== null && record.signature !== null;
}

/** The name is derived from the key: who holds the key bears it, and nobody else can. */
export function isNameOfKey(record: PeerRecord): boolean {
  return isSigned(record) && nodeIdOfKey(record.publicKey as Uint8Array) === record.peerId;
}

/** The name could be one of a key, and is not that of the record's. */
export function isFalseNameOfKey(record: PeerRecord): boolean {
  return isSigned(record) && isLikeNameOfKey(record.peerId) && !isNameOfKey(record);
}
