import { encodePage } from "../dockets/bundle.ts";
import type { StoredBundle } from "../registers/dockets-table.ts";
import { registerOf } from "../registers/heads.ts";
import { takeEvidence } from "../replication/evidence.ts";
import { checkFollowRequest, checkHelloRequest, checkPullRangeRequest } from "../wire/checks.ts";
import type {
  Draft,
  FollowRequest,
  HelloRequest,
  HelloResponse,
  PullRangeRequest,
} from "../wire/messages.ts";
import { answer, answerStream, type Caller, type Handler } from "../wire/serve.ts";
import { replication } from "../wire/services.ts";
import { notImplemented } from "../wire/status.ts";
import { followRun, readRun } from "./docket-runs.ts";
import { announceHeads } from "./heads.ts";
import { checkReach, type ServeOptions, servedRegister } from "./served.ts";

export interface ReplicationOptions extends ServeOptions {
  /** Says who this node is and signs the nonce. */
  hello: (
    request: HelloRequest,
    caller: Caller,
  ) => Draft<HelloResponse> | Promise<Draft<HelloResponse>>;
}

/**
 * `sorcha.peer.replication.v1`: whole dockets, many a frame, the stored bytes unopened.
 */
export function replicationHandlers(options: ReplicationOptions): Handler[] {
  return [
    answer(replication.hello, (request, caller) => {
      checkHelloRequest(request);
      return options.hello(request, caller);
    }),
    answerStream(replication.pullRange, (request, caller) => pullRange(request, caller, options)),
    answerStream(replication.follow, (request, caller) => followFrom(request, caller, options)),
    answerStream(replication.heads, (request, caller) => announceHeads(request, caller)),
    answer(replication.reportEvidence, ({ evidence }, caller) =>
      takeEvidence(evidence, caller.peerId),
    ),
  ];
}

/** What is held when the question comes; what is sealed meanwhile is for the next one. */
async function* pullRange(
  request: PullRangeRequest,
  caller: Caller,
  options: ReplicationOptions,
): AsyncGenerator<Uint8Array> {
  checkPullRangeRequest(request);
  const { registerId, nextDocket: next, headersOnly, controlOnly } = request;
  const register = servedRegister(registerId, caller, options);
  // A follower without the past does hold the policy chain.
  checkReach(register, controlOnly ? Math.max(next, register.firstNumber) : next);
  const run = readRun({
    registerId,
    next,
    last: register.headNumber,
    countMax: request.docketCountMax,
    bytesMax: request.bytesMax,
    headersOnly,
    controlOnly,
  });
  let isEmpty = true;
  for await (const bundles of run) {
    isEmpty = false;
    yield frameOf(registerId, bundles);
  }
  if (isEmpty) yield frameOf(registerId, []);
}

/** The first frame is empty and says where the chain ends: a follower knows what it is in for. */
async function* followFrom(
  request: FollowRequest,
  caller: Caller,
  options: ReplicationOptions,
): AsyncGenerator<Uint8Array> {
  checkFollowRequest(request);
  if (request.transactionTypes.length > 0 || request.participantIds.length > 0) {
    throw notImplemented("Following with filters");
  }
  const { registerId, nextDocket: next } = request;
  checkReach(servedRegister(registerId, caller, options), next);
  yield frameOf(registerId, []);
  for await (const bundles of followRun({ registerId, next, signal: caller.signal })) {
    // A policy may have made it private meanwhile.
    servedRegister(registerId, caller, options);
    yield frameOf(registerId, bundles);
  }
}

function frameOf(registerId: string, bundles: readonly StoredBundle[]): Uint8Array {
  return encodePage({
    bundles: bundles.map((one) => one.bundle),
    headNumber: registerOf(registerId)?.headNumber ?? 0,
    firstVersion: bundles[0]?.firstVersion ?? 0,
  });
}
