import type { z } from "zod";
import type { Endpoints } from "../../rest/contract.ts";
import type { BodyOf, EndpointShape, ReplyOf } from "../../rest/endpoint.ts";

type WayOf<E> = E extends EndpointShape ? `${E["method"]} ${E["path"]}` : never;

/**
 * The endpoints that this page uses. The contract itself would bring its schemas into the browser;
 * this brings two words each, and the compiler holds them against the contract.
 */
export const ways = {
  ready: "GET /readyz",
  healthReport: "GET /api/health",
  peerStats: "GET /api/peers/stats",
  listPeers: "GET /api/peers",
  getPeer: "GET /api/peers/{peerId}",
  whyPeer: "GET /api/peers/{peerId}/why",
  addPeer: "POST /api/peers",
  removePeer: "DELETE /api/peers/{peerId}",
  connectPeer: "POST /api/peers/{peerId}/connect",
  banPeer: "POST /api/peers/{peerId}/ban",
  unbanPeer: "DELETE /api/peers/{peerId}/ban",
  resetPeer: "POST /api/peers/{peerId}/reset",
  listRegisters: "GET /api/registers",
  getRegister: "GET /api/registers/{registerId}",
  createRegister: "POST /api/registers",
  availableRegisters: "GET /api/registers/available",
  listSubscriptions: "GET /api/registers/subscriptions",
  subscribe: "POST /api/registers/{registerId}/subscribe",
  unsubscribe: "DELETE /api/registers/{registerId}/subscribe",
  pauseRegister: "POST /api/registers/{registerId}/pause",
  resumeRegister: "POST /api/registers/{registerId}/resume",
  auditState: "GET /api/registers/{registerId}/audit",
  audit: "POST /api/registers/{registerId}/audit",
  repair: "POST /api/registers/{registerId}/repair",
  purgeCache: "DELETE /api/registers/{registerId}/cache",
  advertise: "POST /api/registers/{registerId}/advertise",
  importRecords: "POST /api/registers/{registerId}/records",
  bulkAdvertise: "POST /api/registers/bulk-advertise",
  changePolicy: "POST /api/registers/{registerId}/policy",
  thresholdState: "GET /api/registers/{registerId}/threshold",
  initThreshold: "POST /api/registers/{registerId}/threshold",
  reshareThreshold: "POST /api/registers/{registerId}/threshold/reshare",
  listQueue: "GET /api/queue",
  retryQueued: "POST /api/queue/{registerId}/{transactionId}/retry",
  dropQueued: "DELETE /api/queue/{registerId}/{transactionId}",
  revokeToken: "POST /api/tokens/revoke",
  submitTransaction: "POST /api/registers/{registerId}/transactions",
  whyRegister: "GET /api/registers/{registerId}/why",
  listEvidence: "GET /api/registers/{registerId}/evidence",
  listDockets: "GET /api/registers/{registerId}/dockets",
  getDocket: "GET /api/registers/{registerId}/dockets/{docketNumber}",
  getTransaction: "GET /api/registers/{registerId}/transactions/{transactionId}",
  pages: "GET /api/registers/{registerId}/pages",
  pastEvents: "GET /api/events/past",
  topology: "GET /api/topology",
  history: "GET /api/history",
  listSettings: "GET /api/config",
  revokeOwnToken: "DELETE /api/tokens/own",
} as const satisfies { [Name in keyof Endpoints]?: WayOf<Endpoints[Name]> };

export type WayName = keyof typeof ways;
export type Answer<Name extends WayName> = ReplyOf<Endpoints[Name]>;
export type Sent<Name extends WayName> = Endpoints[Name] extends { body: infer S }
  ? S extends z.ZodType
    ? z.input<S>
    : BodyOf<Endpoints[Name]>
  : undefined;
