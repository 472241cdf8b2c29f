import {
  Client,
  type ClientOptions,
  connectivityState,
  credentials,
  InterceptingCall,
  type Interceptor,
  Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { PeerError } from "../base/error.ts";
import { abortError } from "../base/signal.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Draft } from "./messages.ts";
import type { Method } from "./services.ts";
import { errorOfCall } from "./status.ts";

/**
 * A connection to one peer, made when the first call needs it and closed by itself when idle. Calls
 * fail with a `PeerError` (see `status.ts`: `refusalOf`, `isUnimplemented`), or with an
 * `AbortError` when their own signal ended them.
 */
export interface Channel {
  readonly address: string;
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Draft<Request>,
    options: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<Response>;
  /**
   * Answers as they are asked for; few are fetched ahead. Leaving the loop, or the signal, cancels
   * the call. With `silenceMs`, a longer wait for the next answer ends it as `network` / `timeout`.
   */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Draft<Request>,
    options?: { signal?: AbortSignal; silenceMs?: number },
  ): AsyncIterableIterator<Response>;
  state(): ChannelState;
  close(): void;
}

/**
 * idle        no connection; the next call makes one
 * connecting  the first bytes are on their way
 * ready       calls go straight out
 * failing     the last attempt failed; calls fail at once until the back-off has passed
 * closed      by us, for good
 */
export type ChannelState = "idle" | "connecting" | "ready" | "failing" | "closed";

/** Where a node says who it is; believed only as far as the node's peer authentication goes. */
export const nodeIdHeader = "sorcha-node-id";

export function openChannel(options: {
  /** host:port, IPv6 hosts in brackets. */
  address: string;
  /** Our own node id, told with every call. */
  nodeId?: string;
  clock?: Clock;
}): Channel {
  const { address, clock = systemClock } = options;
  const client = new Client(address, credentials.createInsecure(), channelOptions);
  let isClosed = false;
  return {
    address,
    unary: (method, request, callOptions) =>
      callUnary(client, method, { address, clock, metadata: whoWeAre(), request, ...callOptions }),
    stream: (method, request, callOptions) =>
      new AnswerStream(client, method, {
        address,
        clock,
        metadata: whoWeAre(),
        request,
        ...callOptions,
      }),
    state: () => (isClosed ? "closed" : stateOf(client)),
    close: () => {
      isClosed = true;
      client.close();
    },
  };

  function whoWeAre(): Metadata {
    const metadata = new Metadata();
    if (options.nodeId !== undefined) metadata.set(nodeIdHeader, options.nodeId);
    return metadata;
  }
}

const channelOptions: ClientOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 30_000,
  "grpc.client_idle_timeout_ms": 5 * 60_000,
  // The HTTP/2 window decides the speed over long roads: 8 MiB give 43 MB/s at 100 ms round trip.
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
  // One connection a channel, so that closing the channel closes it.
  "grpc.use_local_subchannel_pool": 1,
  // Trying again is decided by whoever calls, with what they know of the peer.
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 500,
  "grpc.max_reconnect_backoff_ms": 10_000,
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_http_proxy": 0,
};

interface CallOptions<Request> {
  address: string;
  clock: Clock;
  metadata: Metadata;
  request: Draft<Request>;
  signal?: AbortSignal;
}

function callUnary<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  options: CallOptions<Request> & { deadlineMs: number },
): Promise<Response> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = () => call.cancel();
    const call = client.makeUnaryRequest(
      method.path,
      (request: Draft<Request>) => asBuffer(method.request.encode(request)),
      (bytes: Buffer) => bytes,
      options.request,
      options.metadata,
      { deadline: options.clock.nowMs() + options.deadlineMs },
      (failed, bytes) => {
        signal?.removeEventListener("abort", onAbort);
        if (signal?.aborted) return reject(abortError(signal));
        if (failed) return reject(errorOfCall(failed, options));
        try {
          resolve(method.response.decode(bytes as Buffer));
        } catch (error) {
          reject(badAnswer(error, options.address));
        }
      },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * The answers of one call. grpc-js would hand them over as a Node stream that fetches sixteen
 * messages ahead (up to 256 MiB) and that, left early on Bun, hangs the next stream of its
 * connection. So an interceptor takes the messages off before that stream sees them, asks for each
 * one by `startRead`, and every end but the peer's own is an explicit cancel.
 */
class AnswerStream<Request, Response> implements AsyncIterableIterator<Response> {
  readonly #method: Method<Request, Response>;
  readonly #options: CallOptions<Request> & { silenceMs?: number };
  readonly #arrived: Buffer[] = [];
  readonly #call: { cancel: () => void };
  #inner: InterceptingCall | null = null;
  #end: { error: Error | null } | null = null;
  #wake: () => void = () => {};

  constructor(
    client: Client,
    method: Method<Request, Response>,
    options: CallOptions<Request> & { silenceMs?: number },
  ) {
    this.#method = method;
    this.#options = options;
    this.#call = client.makeServerStreamRequest(
      method.path,
      (request: Draft<Request>) => asBuffer(method.request.encode(request)),
      (bytes: Buffer) => bytes,
      options.request,
      options.metadata,
      { interceptors: [this.#takeOver()] },
    );
    this.#inner?.startRead();
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  async next(): Promise<IteratorResult<Response, undefined>> {
    if (this.#arrived.length === 0 && this.#end === null) await this.#arrival();
    const bytes = this.#arrived.shift();
    if (bytes !== undefined) {
      if (this.#arrived.length === 0 && this.#end === null) this.#inner?.startRead();
      try {
        return { done: false, value: this.#method.response.decode(bytes) };
      } catch (error) {
        this.#finish(badAnswer(error, this.#options.address));
        this.#call.cancel();
      }
    }
    const failed = this.#end?.error;
    if (this.#end) this.#end.error = null;
    if (failed) throw failed;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Response, undefined>> {
    this.#finish(null);
    this.#call.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #takeOver(): Interceptor {
    return (options, nextCall) => {
      const inner = new InterceptingCall(nextCall(options), {
        start: (metadata, _listener, next) =>
          next(metadata, {
            onReceiveMetadata: () => {},
            onReceiveMessage: (bytes: unknown) => this.#onMessage(bytes as Buffer | null),
            onReceiveStatus: (ended: StatusObject) => this.#onStatus(ended),
          }),
      });
      this.#inner = inner;
      return inner;
    };
  }

  /** Waits until something is there to be taken, at most for the silence allowed. */
  async #arrival(): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const { silenceMs, clock, address } = this.#options;
    if (silenceMs === undefined) return arrived;
    const waiting = new AbortController();
    const silence = clock.sleep(silenceMs, waiting.signal).then(
      () => {
        if (this.#arrived.length > 0 || this.#end !== null) return;
        this.#finish(
          new PeerError("network", "timeout", {
            message: `Peer ${address} sent nothing for ${silenceMs} ms`,
            facts: { address },
          }),
        );
        this.#call.cancel();
      },
      () => undefined,
    );
    await Promise.race([arrived, silence]);
    waiting.abort();
  }

  #onMessage(bytes: Buffer | null): void {
    if (bytes === null || this.#end !== null) return;
    this.#arrived.push(bytes);
    this.#wake();
  }

  #onStatus(ended: StatusObject): void {
    const failed = ended.code === status.OK ? null : errorOfCall(asError(ended), this.#options);
    if (this.#end === null) this.#close(failed);
  }

  readonly #onAbort = (): void => {
    this.#finish(abortError(this.#options.signal as AbortSignal));
    this.#call.cancel();
  };

  /** Our own end: what has arrived is dropped. */
  #finish(error: Error | null): void {
    this.#arrived.length = 0;
    if (this.#end === null) this.#close(error);
  }

  #close(error: Error | null): void {
    this.#end = { error };
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }
}

function stateOf(client: Client): ChannelState {
  switch (client.getChannel().getConnectivityState(false)) {
    case connectivityState.IDLE:
      return "idle";
    case connectivityState.CONNECTING:
      return "connecting";
    case connectivityState.READY:
      return "ready";
    case connectivityState.TRANSIENT_FAILURE:
      return "failing";
    case connectivityState.SHUTDOWN:
      return "closed";
  }
}

function badAnswer(cause: unknown, address: string): PeerError {
  return new PeerError("network", "bad-answer", {
    message: `Peer ${address} answered with bytes that are no such message`,
    facts: { address },
    cause,
  });
}

function asError(ended: StatusObject): ServiceError {
  return Object.assign(new Error(ended.details), ended);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
