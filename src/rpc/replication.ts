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
import { followRun, readRun } from "./docket-runs.ts";
import { filterBundle, isUnfiltered } from "./filters.ts";
import { announceHeads } from "./heads.ts";
import { checkReach, type ServeOptions, servedRegister } from "./served.ts";
import { serving } from "./serving.ts";
import { encodeFrame, SharedFrames } from "./shared-frames.ts";

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
  const frames = new SharedFrames();
  return [
    answer(replication.hello, (request, caller) => {
      checkHelloRequest(request);
      return options.hello(request, caller);
    }),
    answerStream(replication.pullRange, (request, caller) => pullRange(request, caller, options)),
    answerStream(replication.follow, (request, caller) =>
      followFrom(request, caller, { ...options, frames }),
    ),
    answerStream(replication.heads, (request, caller) => announceHeads(request, caller, options)),
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
  const last = register.headNumber;
  for await (const bundles of serving(run, { registerId, caller, next, last })) {
    isEmpty = false;
    yield encodeFrame(bundles, headOf(registerId));
  }
  if (isEmpty) yield encodeFrame([], headOf(registerId));
}

/**
 * The first frame is empty and says where the chain ends: a follower knows what it is in for. With
 * filters every docket comes as well, its document whole, and of its bodies those that are wanted:
 * numbers, links and seals can be checked as ever, and each body against its leaf.
 */
export async function* followFrom(
  request: FollowRequest,
  caller: Pick<Caller, "provenId" | "signal"> & Partial<Caller>,
  options: ServeOptions & { frames: SharedFrames },
): AsyncGenerator<Uint8Array> {
  checkFollowRequest(request);
  const { registerId, nextDocket: next } = request;
  const check = () => servedRegister(registerId, caller, options);
  checkReach(check(), next);
  yield encodeFrame([], headOf(registerId));
  const last = headOf(registerId);
  const run = followRun({ registerId, next, signal: caller.signal, check });
  for await (const bundles of serving(run, { registerId, caller, next, last })) {
    // A policy may have made it private meanwhile.
    const { headNumber } = check();
    if (isUnfiltered(request)) {
      yield options.frames.frameOf(registerId, bundles, headNumber);
    } else {
      const wanted = bundles.map((one) => ({ ...one, bundle: filterBundle(one.bundle, request) }));
      yield encodeFrame(wanted, headNumber);
    }
  }
}

function headOf(registerId: string): number {
  return registerOf(registerId)?.headNumber ?? 0;
}
