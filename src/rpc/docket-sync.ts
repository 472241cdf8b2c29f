import { PeerError } from "../base/error.ts";
import { type RegisterState, registerOf } from "../registers/heads.ts";
import type { NetworkView } from "../replication/network-head.ts";
import type { Clock } from "../runtime/clock.ts";
import { checkRegisterId, checkSyncDocketsRequest } from "../wire/checks.ts";
import {
  type GetLatestDocketNumberResponse,
  type SyncDocketEntry,
  type SyncDocketsRequest,
  timestampOf,
} from "../wire/docket-sync-messages.ts";
import type { Draft } from "../wire/messages.ts";
import { answer, answerStream, type Caller, type Handler } from "../wire/serve.ts";
import { docketSync } from "../wire/services.ts";
import { refuse } from "../wire/status.ts";
import { readRun } from "./docket-runs.ts";
import { bundleOf, createdMs, docketOf } from "./documents.ts";
import {
  checkReach,
  nextAfter,
  type ServeOptions,
  servedRegister,
  shownRegister,
} from "./served.ts";
import { serving } from "./serving.ts";

/** `DocketSyncService`: what a register service that stores dockets itself recovers from. */
export function docketSyncHandlers(options: DocketSyncOptions): Handler[] {
  return [
    answer(docketSync.getLatestDocketNumber, (request, caller) => {
      checkRegisterId(request.registerId);
      return latestDocket(request.registerId, caller, options);
    }),
    answerStream(docketSync.syncDockets, (request, caller) => {
      checkSyncDocketsRequest(request);
      const register = servedRegister(request.registerId, caller, options);
      return syncDockets(request, { register, caller, options });
    }),
  ];
}

export interface DocketSyncOptions extends ServeOptions {
  clock: Clock;
  network: (registerId: string) => NetworkView;
}

/**
 * The newest docket there is, and who has it: this node, or a peer that is ahead of it. Nobody to
 * ask is told by `network_available`; a register that nobody here has heard of is `NOT_FOUND`,
 * never a register of height 0.
 */
function latestDocket(
  registerId: string,
  caller: Caller,
  options: DocketSyncOptions,
): Draft<GetLatestDocketNumberResponse> {
  const network = options.network(registerId);
  const isAwaited = registerOf(registerId) === null && options.subscriptionOf(registerId) !== null;
  const isTold = isAwaited && network.head !== null && network.isPublic;
  const register = isTold ? null : shownRegister(registerId, caller, options);
  const own = { number: register?.headNumber ?? -1, peerId: options.nodeId };
  const newest = network.head !== null && network.head.number > own.number ? network.head : own;
  return {
    latestDocketNumber: newest.number,
    sourcePeerId: newest.peerId,
    queriedAt: timestampOf(options.clock.nowMs()),
    // Of a register that began here this node is the source.
    networkAvailable: register?.isOrigin === true || network.isAvailable,
  };
}

/**
 * What is held of the dockets asked for. Where more is asked for than has come here, or somebody
 * proved that there is more, the end is `NOT_YET` and not the silence of a finished stream.
 */
async function* syncDockets(
  request: SyncDocketsRequest,
  from: { register: RegisterState; caller: Caller; options: DocketSyncOptions },
): AsyncGenerator<Draft<SyncDocketEntry>> {
  const { registerId, toDocketNumber: to, maxCount } = request;
  const { register, caller, options } = from;
  const next = nextAfter(request.fromDocketNumber);
  if (to !== 0 && to < request.fromDocketNumber) {
    throw new PeerError("invalid", "bad-field", {
      message: "Field to_docket_number is lower than from_docket_number",
      facts: { field: "to_docket_number" },
    });
  }
  checkReach(register, next);
  const last = to === 0 ? register.headNumber : Math.min(to, register.headNumber);
  let count = 0;
  const run = { registerId, next, last, countMax: maxCount, headersOnly: true };
  for await (const bundles of serving(readRun(run), { registerId, caller, next, last })) {
    for (const { bundle } of bundles) yield entryOf(bundleOf(bundle).docketData);
    count += bundles.length;
  }
  const { head } = options.network(registerId);
  const proven = head?.isProven ? head.number : register.headNumber;
  const end = to === 0 ? proven : to;
  if (end <= last || (maxCount > 0 && count >= maxCount)) return;
  throw refuse("NOT_YET", {
    message: `Register ${registerId} ends at docket ${last} here, before ${end}`,
    retryAfterMs: 1_000,
  });
}

function entryOf(docketData: Uint8Array): Draft<SyncDocketEntry> {
  const docket = docketOf(docketData);
  return {
    docketNumber: docket.docketNumber,
    docketHash: docket.docketHash,
    previousDocketHash: docket.previousHash,
    merkleRoot: docket.merkleRoot,
    docketData,
    transactionCount: docket.transactions.length,
    sealedAt: timestampOf(createdMs(docket)),
    validatorSignature: docket.proposerSignature?.signatureValue ?? docket.groupSignature ?? "",
    validatorId: docket.proposerValidatorId,
  };
}
