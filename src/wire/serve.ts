import type {
  MethodDefinition,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
  sendUnaryData,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import { isAbort, PeerError, toPeerError } from "../base/error.ts";
import { BoundedQueue } from "../base/queue.ts";
import { childOf } from "../base/signal.ts";
import { type CallWatch, statusName, type WatchCall } from "./call-watch.ts";
import { checkClaims } from "./claims.ts";
import {
  type Credentials,
  credentialsOf,
  headerOf,
  type IncomingCall,
  usableClaim,
} from "./credentials.ts";
import type { Draft } from "./messages.ts";
import { sendStream } from "./send-stream.ts";
import type { Method } from "./services.ts";
import { refuse, statusOf } from "./status.ts";

/** Who asks. */
export interface Caller extends Identified {
  /** host:port of the connection's other end. */
  address: string;
  /** Aborts when the caller hangs up or this node stops. */
  signal: AbortSignal;
  /** The trace that its call is part of, as it says; null or left out: none. */
  traceparent?: string | null;
}

/** What a caller's credentials make of it. */
export interface Identified {
  /** Proven, or else as claimed; null when it did not say. */
  peerId: string | null;
  /** Who it is beyond doubt; private registers are told to nobody else. */
  provenId: string | null;
  /** The Ed25519 key that signed this very call; null when none did. */
  publicKey: Uint8Array | null;
}

/** One RPC with what answers it, made by `answer`, `answerStream` or `converse`. */
export interface Handler {
  path: string;
  definition: MethodDefinition<Buffer, Buffer>;
  implement(rules: ServeRules): UntypedHandleCall;
}

/** What holds for every call, whatever it asks. */
export interface ServeRules {
  /** Throws for credentials that are bad, or missing where they are needed. */
  identify(credentials: Credentials): Identified | Promise<Identified>;
  /**
   * Asked again and again for as long as a stream runs, whether what let it in still holds; gives
   * what ends that. Left out: a stream that was let in stays.
   */
  watch?(check: () => Promise<void>): () => void;
  /** Throws when this caller may have no further call. */
  admit(caller: Caller, path: string): Admission;
  /** Aborts when the node stops: streams end then, answers under way are finished. */
  stopping: AbortSignal;
  showDetails: boolean;
  /** Told of errors that are our own fault. */
  onFault(error: unknown, path: string): void;
  /** Told of callers who are not who they should be; `claimedId` is who they said they are. */
  onStranger?(
    error: PeerError,
    call: { path: string; address: string; claimedId: string | null },
  ): void;
  watchCall?: WatchCall;
}

export interface Admission {
  /** The call is over. */
  leave(): void;
  /** Aborts when whoever called is no longer let in: its streams end then. */
  expelled?: AbortSignal | undefined;
}

/** One question, one answer. */
export function answer<Request, Response>(
  method: Method<Request, Response>,
  run: (request: Request, caller: Caller) => Promise<Draft<Response>> | Draft<Response>,
): Handler {
  return handlerOf(
    method,
    (rules) => async (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
      const hangUp = new AbortController();
      call.on("cancelled", () => hangUp.abort());
      const watch = rules.watchCall?.(method.path);
      let leave = () => {};
      try {
        const caller = await callerOf(call, rules, hangUp.signal);
        ({ leave } = rules.admit(caller, method.path));
        const response = await run(readRequest(method, call.request, caller), caller);
        reply(null, asBuffer(method.response.encode(response)));
        watch?.ended("OK", null);
      } catch (error) {
        reply(failureOf(error, rules, { path: method.path, call, watch }));
      } finally {
        leave();
      }
    },
  );
}

/** One question, any number of answers. */
export function answerStream<Request, Response>(
  method: Method<Request, Response>,
  run: (request: Request, caller: Caller) => AsyncIterable<Draft<Response>>,
): Handler {
  return handlerOf(
    method,
    (rules) => (call: ServerWritableStream<Buffer, Buffer>) =>
      serveStream(method, { call, rules }, (caller) =>
        run(readRequest(method, call.request, caller), caller),
      ),
  );
}

/** Questions and answers as they come. */
export function converse<Request, Response>(
  method: Method<Request, Response>,
  run: (requests: AsyncIterable<Request>, caller: Caller) => AsyncIterable<Draft<Response>>,
): Handler {
  return handlerOf(
    method,
    (rules) => (call: ServerDuplexStream<Buffer, Buffer>) =>
      serveStream(method, { call, rules }, (caller) =>
        run(decodeEach(method, { call, caller }), caller),
      ),
  );
}

type StreamCall = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

async function serveStream<Request, Response>(
  method: Method<Request, Response>,
  { call, rules }: { call: StreamCall; rules: ServeRules },
  run: (caller: Caller) => AsyncIterable<Draft<Response>>,
): Promise<void> {
  const stop = childOf(rules.stopping);
  call.on("cancelled", () => stop.abort());
  const watch = rules.watchCall?.(method.path);
  let admission: Admission = { leave: () => {} };
  const onExpelled = () => stop.abort();
  const trust = watchTrust(call, rules, () => stop.abort());
  try {
    const caller = await callerOf(call, rules, stop.signal);
    admission = rules.admit(caller, method.path);
    admission.expelled?.addEventListener("abort", onExpelled, { once: true });
    const answers = encodeEach(method, run(caller), watch);
    await sendStream(call, answers, { signal: stop.signal });
    call.end();
    watch?.ended("OK", null);
  } catch (error) {
    if (call.cancelled) return void watch?.ended("CANCELLED", null);
    const lost = trust.lost();
    const failed = isAbort(error) ? (lost ?? endOf(error, { rules, admission })) : error;
    call.emit("error", failureOf(failed, rules, { path: method.path, call, watch }));
  } finally {
    trust.unwatch();
    admission.expelled?.removeEventListener("abort", onExpelled);
    admission.leave();
    stop.abort();
    stop.dispose();
  }
}

/**
 * What a caller showed when its stream began: an authority may go, a certificate or token may end
 * or be taken back, and the stream with it. A signature of the call is for its beginning only.
 */
function watchTrust(
  call: StreamCall,
  rules: ServeRules,
  onLost: () => void,
): { lost: () => unknown; unwatch: () => void } {
  let lost: unknown = null;
  const shown = { ...credentialsOf(call), proof: null };
  const check = async () => {
    try {
      await rules.identify(shown);
    } catch (error) {
      lost = error;
      onLost();
    }
  };
  return { lost: () => lost, unwatch: rules.watch?.(check) ?? (() => {}) };
}

async function* encodeEach<Response>(
  method: Method<unknown, Response> | Method<never, Response>,
  responses: AsyncIterable<Draft<Response>>,
  watch: CallWatch | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const response of responses) {
    watch?.answered();
    yield method.response.encode(response);
  }
}

/** Iterating over the call itself does not end on Bun when the caller has asked its last. */
async function* decodeEach<Request>(
  method: Method<Request, unknown> | Method<Request, never>,
  { call, caller }: { call: ServerDuplexStream<Buffer, Buffer>; caller: Caller },
): AsyncGenerator<Request> {
  const requests = new BoundedQueue<Buffer>(1);
  call.on("data", (bytes: Buffer) => {
    call.pause();
    requests.push(bytes).then(() => call.resume());
  });
  call.on("end", () => requests.close());
  call.on("cancelled", () => requests.close());
  for await (const bytes of requests) yield readRequest(method, bytes, caller);
}

/** What a request says of its caller is checked before anything else sees it. */
function readRequest<Request>(
  method: Method<Request, unknown> | Method<Request, never>,
  bytes: Buffer,
  caller: Caller,
): Request {
  const request = method.request.decode(bytes);
  checkClaims(request, caller);
  return request;
}

function handlerOf<Request, Response>(
  method: Method<Request, Response>,
  implement: (rules: ServeRules) => UntypedHandleCall,
): Handler {
  const { path, requestStream, responseStream } = method;
  return {
    path,
    // Bytes pass through here: grpc-js would answer INTERNAL to a request it can't decode.
    definition: {
      path,
      requestStream,
      responseStream,
      requestSerialize: asBuffer,
      requestDeserialize: asBuffer,
      responseSerialize: asBuffer,
      responseDeserialize: asBuffer,
    },
    implement,
  };
}

async function callerOf(
  call: IncomingCall,
  rules: ServeRules,
  signal: AbortSignal,
): Promise<Caller> {
  const credentials = credentialsOf(call);
  const identified = await rules.identify(credentials);
  const traceparent = headerOf(call.metadata, "traceparent");
  return { ...identified, address: credentials.address, signal, traceparent };
}

/** Where nobody has to prove anything: the claim, if it is one at all. */
export function believeClaim(credentials: Credentials): Identified {
  return { peerId: usableClaim(credentials), provenId: null, publicKey: null };
}

function failureOf(
  error: unknown,
  rules: ServeRules,
  facts: { path: string; call: IncomingCall; watch: CallWatch | undefined },
): ServiceError {
  const { path, call, watch } = facts;
  if (error instanceof PeerError && error.kind === "unauthenticated") {
    const { address, ...shown } = credentialsOf(call);
    rules.onStranger?.(error, { path, address, claimedId: usableClaim(shown) });
  }
  const failed = statusOf(error, rules);
  if (failed.isOurFault) rules.onFault(error, path);
  watch?.ended(statusName(failed.code), toPeerError(error).code);
  return Object.assign(new Error(failed.details), failed);
}

/** Why a stream ended before its time, in words for the caller. */
function endOf(error: unknown, why: { rules: ServeRules; admission: Admission }): unknown {
  if (why.admission.expelled?.aborted) {
    return refuse("FORBIDDEN", { message: "This caller is no longer let in here" });
  }
  if (!why.rules.stopping.aborted) return error;
  return refuse("BUSY", { message: "This node is shutting down", retryAfterMs: 1_000 });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
