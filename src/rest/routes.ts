import type { Handler } from "./call.ts";
import type { EndpointName, Endpoints } from "./contract.ts";
import * as dockets from "./dockets.ts";
import * as events from "./events.ts";
import * as health from "./health.ts";
import * as history from "./history.ts";
import * as peerFigures from "./peer-figures.ts";
import * as peerOrders from "./peer-orders.ts";
import * as peers from "./peers.ts";
import * as queue from "./queue.ts";
import * as records from "./records.ts";
import * as registers from "./registers.ts";
import * as settings from "./settings.ts";
import * as subscriptions from "./subscriptions.ts";
import * as threshold from "./threshold.ts";
import * as tokens from "./tokens.ts";
import * as topology from "./topology.ts";
import * as upkeep from "./upkeep.ts";
import * as why from "./why.ts";

/** Who answers what: one handler for every endpoint of the contract. */
export const routes: { [Name in EndpointName]: Handler<Endpoints[Name]> } = {
  live: health.live,
  ready: health.ready,
  health: health.health,
  alive: health.alive,
  healthReport: health.healthReport,
  metrics: health.metrics,
  listPeers: peers.listPeers,
  peerQuality: peerFigures.peerQuality,
  peerStats: peerFigures.peerStats,
  peerHealth: peerFigures.peerHealth,
  connectedPeers: peerFigures.connectedPeers,
  getPeer: peers.getPeer,
  whyPeer: peerOrders.whyPeer,
  addPeer: peerOrders.addPeer,
  removePeer: peerOrders.removePeer,
  connectPeer: peerOrders.connectPeer,
  banPeer: peerOrders.banPeer,
  unbanPeer: peerOrders.unbanPeer,
  resetPeer: peerOrders.resetPeer,
  bulkAdvertise: peerOrders.bulkAdvertise,
  advertise: peerOrders.advertise,
  listRegisters: registers.listRegisters,
  createRegister: registers.createRegister,
  changePolicy: registers.changePolicy,
  cachedRegisters: registers.cachedRegisters,
  purgeCache: registers.purgeCache,
  availableRegisters: registers.availableRegisters,
  getRegister: registers.getRegister,
  listSubscriptions: subscriptions.listSubscriptions,
  subscribe: subscriptions.subscribe,
  unsubscribe: subscriptions.unsubscribe,
  pauseRegister: subscriptions.pauseRegister,
  resumeRegister: subscriptions.resumeRegister,
  submitTransaction: records.submitTransaction,
  importRecords: records.importRecords,
  handInDocket: records.handInDocket,
  transactionStatus: queue.transactionStatus,
  listQueue: queue.listQueue,
  retryQueued: queue.retryQueued,
  dropQueued: queue.dropQueued,
  listDockets: dockets.listDockets,
  getDocket: dockets.getDocket,
  getTransaction: dockets.getTransaction,
  pages: dockets.pages,
  topology: topology.topology,
  events: events.events,
  pastEvents: events.pastEvents,
  auditState: upkeep.auditState,
  audit: upkeep.audit,
  repair: upkeep.repair,
  thresholdState: threshold.thresholdState,
  initThreshold: threshold.initThreshold,
  reshareThreshold: threshold.reshareThreshold,
  whyRegister: why.whyRegister,
  listEvidence: why.listEvidence,
  history: history.history,
  listSettings: settings.listSettings,
  revokeToken: tokens.revokeToken,
  revokeOwnToken: tokens.revokeOwnToken,
};
