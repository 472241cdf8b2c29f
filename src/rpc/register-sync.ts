import { present } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { sha256Hex } from "../dockets/hash.ts";
import { syncStates } from "../peers/advert.ts";
import { findDocketOfVersion, type StoredBundle } from "../registers/dockets-table.ts";
import { type RegisterState, registerOf } from "../registers/heads.ts";
import { findTransactions } from "../registers/transactions-table.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import {
  checkDocketChainRequest,
  checkDocketTransactionRequest,
  checkRegisterId,
  checkRegisterSubscriptionRequest,
} from "../wire/checks.ts";
import * as m from "../wire/messages.ts";
import { answer, answerStream, type Caller, type Handler } from "../wire/serve.ts";
import { registerSync } from "../wire/services.ts";
import { refuse } from "../wire/status.ts";
import { followRun, readRun } from "./docket-runs.ts";
import { bundleOf, createdMs, docketOf, transactionOf } from "./documents.ts";
import { factsOf, isUnfiltered, isWanted } from "./filters.ts";
import {
  checkReach,
  nextAfter,
  type ServeOptions,
  servedRegister,
  shownRegister,
} from "./served.ts";
import { serving, spendFor } from "./serving.ts";

/** `RegisterSync`: the same chain for nodes that fetch headers and bodies apart. */
export function registerSyncHandlers(options: ServeOptions): Handler[] {
  return [
    answerStream(registerSync.pullDocketChain, (request, caller) => {
      checkDocketChainRequest(request);
      const register = servedRegister(request.registerId, caller, options);
      return pullChain(request, { register, caller });
    }),
    answerStream(registerSync.pullDocketTransactions, (request, caller) => {
      checkDocketTransactionRequest(request);
      servedRegister(request.registerId, caller, options);
      return pullTransactions(request, caller);
    }),
    answerStream(registerSync.subscribeToRegister, (request, caller) => {
      checkRegisterSubscriptionRequest(request);
      const register = servedRegister(request.registerId, caller, options);
      return subscribe(request, { register, caller, options });
    }),
    answer(registerSync.getRegisterSyncStatus, (request, caller) => {
      checkRegisterId(request.registerId);
      return syncStatus(request.registerId, caller, options);
    }),
  ];
}

async function* pullChain(
  request: m.DocketChainRequest,
  { register, caller }: Pick<Subscribed, "register" | "caller">,
): AsyncGenerator<m.Draft<m.DocketEntry>> {
  const { registerId } = request;
  const next = nextAfter(request.fromVersion);
  checkReach(register, Math.min(next, register.headNumber + 1));
  const last = register.headNumber;
  const run = { registerId, next, last, countMax: request.maxDockets, headersOnly: true };
  for await (const bundles of serving(readRun(run), { registerId, caller, next, last })) {
    for (const { bundle } of bundles) {
      const { docketData } = bundleOf(bundle);
      const docket = docketOf(docketData);
      yield {
        registerId,
        version: docket.docketNumber,
        docketData,
        previousHash: docket.previousHash,
        docketHash: docket.docketHash,
        transactionIds: docket.transactions.map((leaf) => leaf.transactionId),
        createdAt: createdMs(docket),
      };
    }
  }
}

/**
 * In the order asked for. Sizes are not known before the documents are read, so the portion that is
 * read at once follows the size of the last: small ones come by the dozen, large ones alone.
 */
async function* pullTransactions(
  request: m.DocketTransactionRequest,
  caller: Caller,
): AsyncGenerator<m.Draft<m.TransactionEntry>> {
  const { registerId } = request;
  let count = 8;
  for (let at = 0; at < request.transactionIds.length; ) {
    const transactionIds = request.transactionIds.slice(at, at + count);
    const found = await findTransactions(sql(), { registerId, transactionIds });
    let bytes = 0;
    for (const transactionId of transactionIds) {
      const data = found.get(transactionId)?.data;
      if (data === undefined) throw unknownTransaction(registerId, transactionId);
      bytes += data.byteLength;
      await spendFor(caller, { registerId, bytes: data.byteLength });
      yield {
        transactionId,
        registerId,
        transactionData: data,
        checksum: sha256Hex(data),
        createdAt: createdMs(transactionOf(data)),
      };
    }
    at += transactionIds.length;
    count = bytes > limits.frameBytes / 2 ? Math.max(1, count >> 1) : Math.min(128, count * 2);
  }
}

interface Subscribed {
  register: RegisterState;
  caller: Caller;
  options: ServeOptions;
}

async function* subscribe(
  request: m.RegisterSubscriptionRequest,
  subscribed: Subscribed,
): AsyncGenerator<m.Draft<m.LiveTransactionEvent>> {
  const { registerId, fromVersion } = request;
  const next = await docketAfterVersion(fromVersion, subscribed.register);
  const check = () => servedRegister(registerId, subscribed.caller, subscribed.options);
  const onLag = () => {
    throw new PeerError("exhausted", "too-slow", {
      message: `This reader fell more than ${limits.feedBacklog} runs of dockets behind`,
      facts: { retryAfterMs: 1_000 },
    });
  };
  const { caller, register } = subscribed;
  const run = followRun({ registerId, next, signal: caller.signal, check, onLag });
  const last = register.headNumber;
  for await (const bundles of serving(run, { registerId, caller, next, last })) {
    // A policy may have made it private meanwhile.
    check();
    for (const stored of bundles) yield* eventsOf(stored, request, subscribed.options.nodeId);
  }
}

/** The docket that brings the first transaction after `version`; 0: the one to be sealed next. */
async function docketAfterVersion(version: number, register: RegisterState): Promise<number> {
  const { registerId, latestVersion, headNumber } = register;
  if (version === 0 || version === latestVersion) return headNumber + 1;
  if (version > latestVersion) {
    throw refuse("NOT_YET", {
      message: `Register ${registerId} ends at version ${latestVersion}, before ${version}`,
      retryAfterMs: 1_000,
    });
  }
  const docket = await findDocketOfVersion(sql(), { registerId, version: version + 1 });
  if (docket !== null && docket.number >= register.firstNumber) return docket.number;
  throw refuse("PRUNED", {
    message: `Register ${registerId} is not held from version ${version} on`,
  });
}

/** The transactions that the filters let through, then the docket, which they don't touch. */
function* eventsOf(
  stored: StoredBundle,
  request: m.RegisterSubscriptionRequest,
  nodeId: string,
): Iterable<m.Draft<m.LiveTransactionEvent>> {
  const { docketData, transactionData } = bundleOf(stored.bundle);
  const common = { registerId: request.registerId, senderPeerId: nodeId };
  const filters = request.filters ?? { transactionTypes: [], participantIds: [] };
  const isAll = isUnfiltered(filters);
  for (const [position, data] of transactionData.entries()) {
    const version = stored.firstVersion === 0 ? 0 : stored.firstVersion + position;
    const transaction = transactionOf(data);
    if (version > 0 && version <= request.fromVersion) continue;
    const facts = isAll ? null : present(factsOf(stored.bundle)[position], "a body's facts");
    if (facts !== null && !isWanted(facts, filters)) continue;
    yield {
      ...common,
      transactionId: transaction.transactionId,
      version,
      transactionData: data,
      checksum: sha256Hex(data),
      timestamp: createdMs(transaction),
      eventType: m.liveEventType.transaction,
    };
  }
  const docket = docketOf(docketData);
  yield {
    ...common,
    transactionId: docket.docketId,
    version: docket.docketNumber,
    transactionData: docketData,
    checksum: sha256Hex(docketData),
    timestamp: createdMs(docket),
    eventType: m.liveEventType.docket,
  };
}

/** A register that is followed here and of which nothing has come is no error: its counts are 0. */
function syncStatus(
  registerId: string,
  caller: Caller,
  options: ServeOptions,
): m.Draft<m.RegisterSyncStatus> {
  const following = options.subscriptionOf(registerId);
  if (registerOf(registerId) === null && following !== null) {
    return { registerId, syncState: syncStates.indexOf(following.syncState) };
  }
  const register = shownRegister(registerId, caller, options);
  const isFull = register.firstNumber === 0;
  const held = isFull ? "FullyReplicated" : "Active";
  return {
    registerId,
    syncState: syncStates.indexOf(following?.syncState ?? held),
    latestVersion: register.latestVersion,
    latestDocketVersion: register.headNumber,
    totalTransactions: register.transactionCount,
    totalDockets: register.headNumber - register.firstNumber + 1,
    canServeFullReplica: isFull && following?.isPaused !== true,
    lastSyncAt: following?.lastSyncAtMs ?? register.headTimeMs,
  };
}

function unknownTransaction(registerId: string, transactionId: string): PeerError {
  return new PeerError("not-found", "unknown-transaction", {
    message: `Register ${registerId} holds no transaction ${transactionId} here`,
  });
}
