import { PeerError } from "../base/error.ts";
import type { RegisterState } from "../registers/heads.ts";
import type { Clock } from "../runtime/clock.ts";
import { checkRegisterId, checkSyncDocketsRequest } from "../wire/checks.ts";
import {
  type SyncDocketEntry,
  type SyncDocketsRequest,
  timestampOf,
} from "../wire/docket-sync-messages.ts";
import type { Draft } from "../wire/messages.ts";
import { answer, answerStream, type Caller, type Handler } from "../wire/serve.ts";
import { docketSync } from "../wire/services.ts";
import { readRun } from "./docket-runs.ts";
import { bundleOf, createdMs, docketOf } from "./documents.ts";
import { checkReach, nextAfter, type ServeOptions, servedRegister } from "./served.ts";
import { serving } from "./serving.ts";

/** `DocketSyncService`: what a register service that stores dockets itself recovers from. */
export function docketSyncHandlers(options: ServeOptions & { clock: Clock }): Handler[] {
  return [
    answer(docketSync.getLatestDocketNumber, (request, caller) => {
      checkRegisterId(request.registerId);
      const { registerId } = request;
      const register = servedRegister(registerId, caller, options);
      return {
        latestDocketNumber: register.headNumber,
        sourcePeerId: options.nodeId,
        queriedAt: timestampOf(options.clock.nowMs()),
        // Of a register that began here this node is the source.
        networkAvailable:
          register.isOrigin || options.subscriptionOf(registerId)?.isReceiving === true,
      };
    }),
    answerStream(docketSync.syncDockets, (request, caller) => {
      checkSyncDocketsRequest(request);
      const { registerId } = request;
      const register = servedRegister(registerId, caller, options);
      return syncDockets(request, { register, caller });
    }),
  ];
}

async function* syncDockets(
  request: SyncDocketsRequest,
  { register, caller }: { register: RegisterState; caller: Caller },
): AsyncGenerator<Draft<SyncDocketEntry>> {
  const { registerId, toDocketNumber: to } = request;
  const next = nextAfter(request.fromDocketNumber);
  if (to !== 0 && to < request.fromDocketNumber) {
    throw new PeerError("invalid", "bad-field", {
      message: "Field to_docket_number is lower than from_docket_number",
      facts: { field: "to_docket_number" },
    });
  }
  checkReach(register, Math.min(next, register.headNumber + 1));
  const last = to === 0 ? register.headNumber : Math.min(to, register.headNumber);
  const run = { registerId, next, last, countMax: request.maxCount, headersOnly: true };
  for await (const bundles of serving(readRun(run), { registerId, caller, next, last })) {
    for (const { bundle } of bundles) yield entryOf(bundleOf(bundle).docketData);
  }
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
