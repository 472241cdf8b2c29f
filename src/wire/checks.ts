import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import type * as d from "./distribution-messages.ts";
import type { SyncDocketsRequest } from "./docket-sync-messages.ts";
import type * as m from "./messages.ts";

/**
 * What must hold of a request before anything else sees it: one function a request, each throwing
 * `invalid` or `too-large` with the field's name in the wire's spelling.
 */

export function checkDocketChainRequest(request: m.DocketChainRequest): void {
  checkRegisterId(request.registerId);
  checkCount("from_version", request.fromVersion);
  checkCount("max_dockets", request.maxDockets);
}

export function checkDocketTransactionRequest(request: m.DocketTransactionRequest): void {
  checkRegisterId(request.registerId);
  checkLength("transaction_ids", request.transactionIds, limits.pullTransactionIds);
  for (const id of request.transactionIds) checkName("transaction_ids", id);
}

export function checkRegisterSubscriptionRequest(request: m.RegisterSubscriptionRequest): void {
  checkRegisterId(request.registerId);
  checkCount("from_version", request.fromVersion);
  if (request.filters) checkFilters(request.filters);
}

export function checkTransactionNotification(request: d.TransactionNotification): void {
  checkRegisterId(request.registerId);
  checkLength("more", request.more, limits.gossip.batchIds);
  for (const told of [request, ...request.more]) {
    checkName("transaction_hash", told.transactionHash);
    checkCount("transaction_size", told.transactionSize);
  }
}

export function checkTransactionRequest(request: d.TransactionRequest): void {
  checkRegisterId(request.registerId);
  checkName("transaction_hash", request.transactionHash);
  checkCount("from_chunk", request.fromChunk);
}

export function checkSyncDocketsRequest(request: SyncDocketsRequest): void {
  checkRegisterId(request.registerId);
  checkCount("from_docket_number", request.fromDocketNumber);
  checkCount("to_docket_number", request.toDocketNumber);
  checkCount("max_count", request.maxCount);
}

export function checkPullRangeRequest(request: m.PullRangeRequest): void {
  checkRegisterId(request.registerId);
  checkCount("next_docket", request.nextDocket);
  checkCount("docket_count_max", request.docketCountMax);
  checkCount("bytes_max", request.bytesMax);
}

export function checkFollowRequest(request: m.FollowRequest): void {
  checkRegisterId(request.registerId);
  checkCount("next_docket", request.nextDocket);
  checkFilters(request);
}

export function checkHelloRequest(request: m.HelloRequest): void {
  checkNodeId("node_id", request.nodeId);
  checkBytes("nonce", request.nonce, 32);
  if (request.publicKey.byteLength > 0) checkBytes("public_key", request.publicKey, 32);
  checkCount("record_seq", request.recordSeq);
  checkLength("features", request.features, 64);
  for (const feature of request.features) checkText("features", feature, 64);
}

/** The parts of a peer's record that are used at all. Whether to believe it is another matter. */
export function checkPeerInfo(info: m.PeerInfo): void {
  checkNodeId("peer_id", info.peerId);
  if (!/^[A-Za-z0-9._:[\]-]{1,255}$/.test(info.address)) {
    throw invalid("address", "is not a host name or an IP address");
  }
  if (info.port < 1 || info.port > 65_535) throw invalid("port", "is not between 1 and 65535");
  checkCount("record_seq", info.recordSeq);
  checkLength("supported_protocols", info.supportedProtocols, 64);
  for (const protocol of info.supportedProtocols) checkText("supported_protocols", protocol, 64);
}

/** One register of a peer's adverts. */
export function checkAdvert(advert: m.PeerRegisterInfo | m.RegisterAdvertisement): void {
  checkRegisterId(advert.registerId);
  checkCount("latest_version", advert.latestVersion);
  checkCount("latest_docket_version", advert.latestDocketVersion);
  checkCount("docket_count", advert.docketCount);
  checkText("name", advert.name, 255);
  checkText("description", advert.description, 4_096);
  if (advert.genesisHash !== "" && !/^[0-9a-f]{64}$/.test(advert.genesisHash)) {
    throw invalid("genesis_hash", "is not 64 lowercase hex characters");
  }
}

export function checkRegisterId(registerId: string): void {
  checkName("register_id", registerId);
}

export function checkNodeId(field: string, nodeId: string): void {
  if (!isNodeId(nodeId)) {
    throw invalid(field, "is not a node id: 1 to 64 letters, digits, dots, dashes, underscores");
  }
}

export function isNodeId(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(text);
}

function checkFilters(filters: m.SubscriptionFilters): void {
  for (const [field, texts] of [
    ["transaction_types", filters.transactionTypes],
    ["participant_ids", filters.participantIds],
  ] as const) {
    checkLength(field, texts, 1_000);
    for (const text of texts) checkText(field, text, 255);
  }
}

function checkName(field: string, text: string): void {
  if (/^[A-Za-z0-9._:-]{1,255}$/.test(text)) return;
  throw invalid(field, "is not 1 to 255 letters, digits, dots, dashes, underscores and colons");
}

function checkCount(field: string, value: number): void {
  if (value < 0) throw invalid(field, "is negative");
}

function checkText(field: string, text: string, lengthMax: number): void {
  if (text.length > lengthMax) throw invalid(field, `is longer than ${lengthMax} characters`);
}

function checkBytes(field: string, bytes: Uint8Array, length: number): void {
  if (bytes.byteLength !== length) throw invalid(field, `does not hold ${length} bytes`);
}

function checkLength(field: string, items: readonly unknown[], countMax: number): void {
  if (items.length <= countMax) return;
  throw new PeerError("too-large", "too-many", {
    message: `Field ${field} holds ${items.length} items, more than the ${countMax} allowed`,
    facts: { field, count: items.length, countMax },
  });
}

function invalid(field: string, why: string): PeerError {
  return new PeerError("invalid", "bad-field", {
    message: `Field ${field} ${why}`,
    facts: { field },
  });
}
