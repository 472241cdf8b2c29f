import type protobuf from "protobufjs";
import docketSyncText from "../../proto/docket_sync.proto" with { type: "text" };
import healthText from "../../proto/health.proto" with { type: "text" };
import keyGenerationText from "../../proto/key_generation.proto" with { type: "text" };
import peerCommunicationText from "../../proto/peer_communication.proto" with { type: "text" };
import peerDiscoveryText from "../../proto/peer_discovery.proto" with { type: "text" };
import peerHeartbeatText from "../../proto/peer_heartbeat.proto" with { type: "text" };
import registerSyncText from "../../proto/register_sync.proto" with { type: "text" };
import replicationText from "../../proto/replication.proto" with { type: "text" };
import transactionDistributionText from "../../proto/transaction_distribution.proto" with {
  type: "text",
};
import { type Codec, codecOf, parseProto, rawCodec } from "./codec.ts";
import type * as distributed from "./distribution-messages.ts";
import type * as synced from "./docket-sync-messages.ts";
import type * as generated from "./key-generation-messages.ts";
import type * as m from "./messages.ts";

/** One RPC: its place on the wire, and what goes in and comes out. */
export interface Method<Request, Response> {
  /** `/package.Service/Method` */
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  request: Codec<Request>;
  response: Codec<Response>;
}

/** A .proto file as it was read; reflection shows it. */
export interface ProtoFile {
  name: string;
  root: protobuf.Root;
  imports: readonly string[];
}

const files = {
  discovery: read("peer_discovery.proto", peerDiscoveryText),
  heartbeat: read("peer_heartbeat.proto", peerHeartbeatText),
  registerSync: read("register_sync.proto", registerSyncText),
  distribution: read("transaction_distribution.proto", transactionDistributionText),
  docketSync: read("docket_sync.proto", docketSyncText),
  communication: read("peer_communication.proto", peerCommunicationText),
  keyGeneration: read("key_generation.proto", keyGenerationText),
  replication: read("replication.proto", replicationText),
  health: read("health.proto", healthText),
};

export const protoFiles: readonly ProtoFile[] = Object.values(files);

const discoveryService = files.discovery.root.lookupService("sorcha.peer.discovery.PeerDiscovery");
const heartbeatService = files.heartbeat.root.lookupService("sorcha.peer.heartbeat.PeerHeartbeat");
const registerSyncService = files.registerSync.root.lookupService("sorcha.peer.sync.RegisterSync");
const distributionService = files.distribution.root.lookupService(
  "sorcha.peer.transaction.TransactionDistribution",
);
const docketSyncService = files.docketSync.root.lookupService("sorcha.peer.DocketSyncService");
const communicationService = files.communication.root.lookupService(
  "sorcha.peer.communication.PeerCommunication",
);
const replicationService = files.replication.root.lookupService(
  "sorcha.peer.replication.v1.Replication",
);
const healthService = files.health.root.lookupService("grpc.health.v1.Health");

export const discovery = {
  getPeerList: method<m.PeerListRequest, m.PeerListResponse>(discoveryService, "GetPeerList"),
  registerPeer: method<m.RegisterPeerRequest, m.RegisterPeerResponse>(
    discoveryService,
    "RegisterPeer",
  ),
  ping: method<m.PingRequest, m.PingResponse>(discoveryService, "Ping"),
  exchangePeers: method<m.PeerExchangeRequest, m.PeerExchangeResponse>(
    discoveryService,
    "ExchangePeers",
  ),
  findPeersForRegister: method<m.FindPeersForRegisterRequest, m.FindPeersForRegisterResponse>(
    discoveryService,
    "FindPeersForRegister",
  ),
};

export const heartbeat = {
  sendHeartbeat: method<m.PeerHeartbeatRequest, m.PeerHeartbeatResponse>(
    heartbeatService,
    "SendHeartbeat",
  ),
  streamHeartbeat: method<m.PeerHeartbeatRequest, m.PeerHeartbeatResponse>(
    heartbeatService,
    "StreamHeartbeat",
  ),
};

export const registerSync = {
  pullDocketChain: method<m.DocketChainRequest, m.DocketEntry>(
    registerSyncService,
    "PullDocketChain",
  ),
  pullDocketTransactions: method<m.DocketTransactionRequest, m.TransactionEntry>(
    registerSyncService,
    "PullDocketTransactions",
  ),
  subscribeToRegister: method<m.RegisterSubscriptionRequest, m.LiveTransactionEvent>(
    registerSyncService,
    "SubscribeToRegister",
  ),
  getRegisterSyncStatus: method<m.RegisterSyncStatusRequest, m.RegisterSyncStatus>(
    registerSyncService,
    "GetRegisterSyncStatus",
  ),
};

export const distribution = {
  notifyTransaction: method<distributed.TransactionNotification, distributed.NotificationAck>(
    distributionService,
    "NotifyTransaction",
  ),
  getTransaction: method<distributed.TransactionRequest, distributed.TransactionResponse>(
    distributionService,
    "GetTransaction",
  ),
  streamTransaction: method<distributed.TransactionRequest, distributed.TransactionChunk>(
    distributionService,
    "StreamTransaction",
  ),
};

export const docketSync = {
  getLatestDocketNumber: method<
    synced.GetLatestDocketNumberRequest,
    synced.GetLatestDocketNumberResponse
  >(docketSyncService, "GetLatestDocketNumber"),
  syncDockets: method<synced.SyncDocketsRequest, synced.SyncDocketEntry>(
    docketSyncService,
    "SyncDockets",
  ),
};

export const communication = {
  sendMessage: method<distributed.PeerMessage, distributed.MessageAck>(
    communicationService,
    "SendMessage",
  ),
  stream: method<distributed.PeerMessage, distributed.PeerMessage>(communicationService, "Stream"),
};

export const replication = {
  hello: method<m.HelloRequest, m.HelloResponse>(replicationService, "Hello"),
  /** Answers are the bytes of a `DocketPage`: they go to a thread and to the store as they are. */
  pullRange: rawAnswers(method<m.PullRangeRequest, never>(replicationService, "PullRange")),
  follow: rawAnswers(method<m.FollowRequest, never>(replicationService, "Follow")),
  heads: method<m.HeadsRequest, m.HeadAnnouncement>(replicationService, "Heads"),
  reportEvidence: method<m.ReportEvidenceRequest, m.ReportEvidenceResponse>(
    replicationService,
    "ReportEvidence",
  ),
};

export const health = {
  check: method<m.HealthCheckRequest, m.HealthCheckResponse>(healthService, "Check"),
  watch: method<m.HealthCheckRequest, m.HealthCheckResponse>(healthService, "Watch"),
};

/** A peer's full record travels inside other messages as bytes of this one. */
export const peerInfoCodec: Codec<m.PeerInfo> = codecOf(
  files.discovery.root.lookupType("sorcha.peer.discovery.PeerInfo"),
);

/** What a `PeerMessage` holds, by its type. */
export const signedKeyGenerationCodec: Codec<generated.SignedKeyGeneration> = codecOf(
  files.keyGeneration.root.lookupType("sorcha.peer.keygeneration.v1.SignedKeyGeneration"),
);
export const keyGenerationCodec: Codec<generated.KeyGeneration> = codecOf(
  files.keyGeneration.root.lookupType("sorcha.peer.keygeneration.v1.KeyGeneration"),
);
export const blsKeyShareCodec: Codec<generated.BlsKeyShareDistribution> = codecOf(
  files.communication.root.lookupType("sorcha.peer.communication.BLSKeyShareDistribution"),
);
export const blsPartialCodec: Codec<generated.BlsPartialSignatureExchange> = codecOf(
  files.communication.root.lookupType("sorcha.peer.communication.BLSPartialSignatureExchange"),
);

function read(name: string, text: string): ProtoFile {
  return { name, ...parseProto(text) };
}

/** The RPC of that name. */
export function method<Request extends object, Response extends object>(
  service: protobuf.Service,
  name: string,
): Method<Request, Response> {
  const rpc = service.get(name) as protobuf.Method;
  return {
    path: `/${nameOf(service)}/${name}`,
    requestStream: rpc.requestStream === true,
    responseStream: rpc.responseStream === true,
    request: codecOf(service.lookupType(rpc.requestType)),
    response: codecOf(service.lookupType(rpc.responseType)),
  };
}

function rawAnswers<Request>(rpc: Method<Request, never>): Method<Request, Uint8Array> {
  return { ...rpc, response: rawCodec };
}

function nameOf(service: protobuf.Service): string {
  return service.fullName.slice(1);
}
