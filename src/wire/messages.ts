/**
 * The messages of the mesh and of replication as they look once decoded: every field is there, with
 * its default where the sender left it out; a message that was left out is null. Numbers are safe
 * integers, enums are their wire numbers, and bytes may be views into the frame they came in. Who
 * sends one gives a `Draft` of it: what is left out travels as the default.
 */
export type Draft<T> = T extends Uint8Array | string | number | boolean | null
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Draft<Item>[]
    : { [Key in keyof T]?: Draft<T[Key]> };

export const peerStatus = { unknown: 0, online: 1, offline: 2, busy: 3 } as const;
export const liveEventType = { unknown: 0, transaction: 1, docket: 2, metadata: 3 } as const;
export const servingStatus = { unknown: 0, serving: 1, notServing: 2, serviceUnknown: 3 } as const;

// sorcha.peer.discovery

export interface PeerInfo {
  peerId: string;
  address: string;
  port: number;
  supportedProtocols: string[];
  /** Unix seconds or ms, see `unixMs`. */
  lastSeen: number;
  capabilities: PeerCapabilities | null;
  advertisedRegisters: PeerRegisterInfo[];
  isSeedNode: boolean;
  publicKey: Uint8Array;
  recordSeq: number;
  recordSignature: Uint8Array;
}

export interface PeerCapabilities {
  supportsStreaming: boolean;
  supportsTransactionDistribution: boolean;
  maxTransactionSize: number;
}

export interface PeerRegisterInfo {
  registerId: string;
  hasFullReplica: boolean;
  latestVersion: number;
  isPublic: boolean;
  latestDocketVersion: number;
  genesisHash: string;
  name: string;
  description: string;
  docketCount: number;
}

export interface PeerListRequest {
  requestingPeerId: string;
  maxPeers: number;
}

export interface PeerListResponse {
  peers: PeerInfo[];
  totalPeers: number;
}

export interface RegisterPeerRequest {
  peerInfo: PeerInfo | null;
}

export interface RegisterPeerResponse {
  success: boolean;
  message: string;
}

export interface PingRequest {
  peerId: string;
}

export interface PingResponse {
  peerId: string;
  timestamp: number;
  status: number;
}

export interface PeerExchangeRequest {
  peerId: string;
  knownPeers: PeerInfo[];
  maxPeers: number;
}

export interface PeerExchangeResponse {
  knownPeers: PeerInfo[];
  success: boolean;
  message: string;
}

export interface FindPeersForRegisterRequest {
  registerId: string;
  requestingPeerId: string;
  requireFullReplica: boolean;
  maxPeers: number;
}

export interface FindPeersForRegisterResponse {
  peers: PeerInfo[];
  totalPeers: number;
}

// sorcha.peer.heartbeat

export interface PeerHeartbeatRequest {
  peerId: string;
  timestamp: number;
  sequenceNumber: number;
  registerVersions: Record<string, number>;
  metrics: PeerHealthMetrics | null;
  advertisedRegisters: RegisterAdvertisement[];
  publicOnly: boolean;
}

export interface PeerHeartbeatResponse {
  success: boolean;
  peerId: string;
  timestamp: number;
  registerVersions: Record<string, number>;
  metrics: PeerHealthMetrics | null;
  advertisedRegisters: RegisterAdvertisement[];
  message: string;
}

export interface PeerHealthMetrics {
  activeConnections: number;
  cpuUsagePercent: number;
  memoryUsageMb: number;
  diskUsagePercent: number;
  registerCount: number;
  pendingSyncs: number;
  isSyncing: boolean;
  uptimeSeconds: number;
}

export interface RegisterAdvertisement {
  registerId: string;
  syncState: number;
  latestVersion: number;
  latestDocketVersion: number;
  isPublic: boolean;
  hasFullReplica: boolean;
  genesisHash: string;
  name: string;
  description: string;
  docketCount: number;
}

// sorcha.peer.sync

export interface DocketChainRequest {
  registerId: string;
  peerId: string;
  fromVersion: number;
  maxDockets: number;
}

export interface DocketEntry {
  registerId: string;
  version: number;
  docketData: Uint8Array;
  previousHash: string;
  docketHash: string;
  transactionIds: string[];
  createdAt: number;
}

export interface DocketTransactionRequest {
  registerId: string;
  peerId: string;
  transactionIds: string[];
}

export interface TransactionEntry {
  transactionId: string;
  registerId: string;
  transactionData: Uint8Array;
  checksum: string;
  createdAt: number;
}

export interface RegisterSubscriptionRequest {
  registerId: string;
  peerId: string;
  fromVersion: number;
  filters: SubscriptionFilters | null;
}

export interface SubscriptionFilters {
  transactionTypes: string[];
  participantIds: string[];
}

export interface LiveTransactionEvent {
  transactionId: string;
  registerId: string;
  version: number;
  transactionData: Uint8Array;
  checksum: string;
  senderPeerId: string;
  timestamp: number;
  eventType: number;
}

export interface RegisterSyncStatusRequest {
  registerId: string;
  peerId: string;
}

export interface RegisterSyncStatus {
  registerId: string;
  syncState: number;
  latestVersion: number;
  latestDocketVersion: number;
  totalTransactions: number;
  totalDockets: number;
  canServeFullReplica: boolean;
  lastSyncAt: number;
}

// sorcha.peer.replication.v1; a DocketPage travels as raw bytes, see dockets/bundle.ts

export interface HelloRequest {
  nodeId: string;
  publicKey: Uint8Array;
  recordSeq: number;
  features: string[];
  nonce: Uint8Array;
  peerRecord: Uint8Array;
}

export interface HelloResponse {
  nodeId: string;
  publicKey: Uint8Array;
  recordSeq: number;
  features: string[];
  nonceSignature: Uint8Array;
  peerRecord: Uint8Array;
  observedAddress: string;
  messageBytesMax: number;
  knownRecordSeq: number;
}

export interface PullRangeRequest {
  registerId: string;
  nextDocket: number;
  docketCountMax: number;
  bytesMax: number;
  headersOnly: boolean;
  controlOnly: boolean;
}

export interface FollowRequest {
  registerId: string;
  nextDocket: number;
  transactionTypes: string[];
  participantIds: string[];
}

export interface HeadsRequest {
  registerIds: string[];
}

export interface HeadAnnouncement {
  registerId: string;
  number: number;
  docketHash: string;
  docketData: Uint8Array;
}

export interface ReportEvidenceRequest {
  evidence: Uint8Array;
}

export interface ReportEvidenceResponse {
  accepted: boolean;
  message: string;
}

// grpc.health.v1

export interface HealthCheckRequest {
  service: string;
}

export interface HealthCheckResponse {
  status: number;
}

/** Unix ms of a time that may have been written in seconds or in ms. */
export function unixMs(time: number): number {
  return time > 1e11 ? time : time * 1000;
}
