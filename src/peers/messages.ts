import { limits } from "../runtime/limits.ts";
import {
  type Draft,
  type PeerInfo,
  type PeerRegisterInfo,
  type RegisterAdvertisement,
  unixMs,
} from "../wire/messages.ts";
import { peerInfoCodec } from "../wire/services.ts";
import { type Advert, syncStates } from "./advert.ts";
import type { PeerRecord } from "./record.ts";

/** Peer records and adverts as the wire has them, and back. What comes in is cut to our bounds. */
export function recordOf(info: PeerInfo): PeerRecord {
  return {
    peerId: info.peerId,
    host: info.address,
    port: info.port,
    protocols: info.supportedProtocols.slice(0, 32),
    adverts: info.advertisedRegisters.slice(0, limits.advertsPerPeer).map(advertOfInfo),
    publicKey: info.publicKey.length === 32 ? new Uint8Array(info.publicKey) : null,
    seq: info.recordSeq,
    signature: info.recordSignature.length === 64 ? new Uint8Array(info.recordSignature) : null,
    lastSeenMs: info.lastSeen === 0 ? 0 : unixMs(info.lastSeen),
  };
}

export function infoOf(record: PeerRecord): Draft<PeerInfo> {
  return {
    peerId: record.peerId,
    address: record.host,
    port: record.port,
    supportedProtocols: record.protocols,
    lastSeen: Math.floor(record.lastSeenMs / 1000),
    capabilities: {
      supportsStreaming: true,
      supportsTransactionDistribution: false,
      maxTransactionSize: limits.transactionBytes,
    },
    advertisedRegisters: record.adverts.map(infoOfAdvert),
    publicKey: record.publicKey ?? new Uint8Array(0),
    recordSeq: record.seq,
    recordSignature: record.signature ?? new Uint8Array(0),
  };
}

export function recordOfBytes(bytes: Uint8Array): PeerRecord {
  return recordOf(peerInfoCodec.decode(bytes));
}

export function bytesOfRecord(record: PeerRecord): Uint8Array {
  return peerInfoCodec.encode(infoOf(record));
}

export function advertisementOf(advert: Advert): Draft<RegisterAdvertisement> {
  return {
    registerId: advert.registerId,
    syncState: syncStates.indexOf(advert.syncState),
    latestVersion: advert.latestVersion,
    latestDocketVersion: advert.latestDocketVersion,
    isPublic: advert.isPublic,
    hasFullReplica: advert.hasFullReplica,
    genesisHash: advert.genesisHash ?? "",
    name: advert.name ?? "",
    description: advert.description ?? "",
    docketCount: advert.docketCount,
  };
}

/**
 * A .NET peer says neither whether it is whole nor how many dockets it has: its state and height
 * do.
 */
export function advertOf(told: RegisterAdvertisement): Advert {
  const syncState = syncStates[told.syncState] ?? "Unknown";
  return bounded({
    registerId: told.registerId,
    syncState,
    latestVersion: told.latestVersion,
    latestDocketVersion: told.latestDocketVersion,
    docketCount: told.docketCount > 0 ? told.docketCount : told.latestDocketVersion + 1,
    hasFullReplica: told.hasFullReplica || syncState === "FullyReplicated",
    isPublic: told.isPublic,
    genesisHash: told.genesisHash || null,
    name: told.name || null,
    description: told.description || null,
  });
}

function advertOfInfo(told: PeerRegisterInfo): Advert {
  return bounded({
    registerId: told.registerId,
    syncState: told.hasFullReplica ? "FullyReplicated" : "Active",
    latestVersion: told.latestVersion,
    latestDocketVersion: told.latestDocketVersion,
    docketCount: told.docketCount > 0 ? told.docketCount : told.latestDocketVersion + 1,
    hasFullReplica: told.hasFullReplica,
    isPublic: told.isPublic,
    genesisHash: told.genesisHash || null,
    name: told.name || null,
    description: told.description || null,
  });
}

function infoOfAdvert(advert: Advert): Draft<PeerRegisterInfo> {
  return {
    registerId: advert.registerId,
    hasFullReplica: advert.hasFullReplica,
    latestVersion: advert.latestVersion,
    isPublic: advert.isPublic,
    latestDocketVersion: advert.latestDocketVersion,
    genesisHash: advert.genesisHash ?? "",
    name: advert.name ?? "",
    description: advert.description ?? "",
    docketCount: advert.docketCount,
  };
}

/** Names and descriptions are shown to people: cut to what the reference service allows. */
function bounded(advert: Advert): Advert {
  const height = Math.max(0, Math.min(advert.latestDocketVersion, Number.MAX_SAFE_INTEGER - 1));
  return {
    ...advert,
    latestDocketVersion: height,
    latestVersion: Math.max(0, advert.latestVersion),
    docketCount: Math.max(0, Math.min(advert.docketCount, Number.MAX_SAFE_INTEGER)),
    registerId: advert.registerId.slice(0, 255),
    name: advert.name?.slice(0, 255) ?? null,
    description: advert.description?.slice(0, 2048) ?? null,
    genesisHash: /^[0-9a-f]{64}$/.test(advert.genesisHash ?? "") ? advert.genesisHash : null,
  };
}
