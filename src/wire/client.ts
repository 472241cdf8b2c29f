import { Client, type ClientOptions, connectivityState, Metadata } from "@grpc/grpc-js";
import { abortError } from "../base/signal.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { AnswerStream, badAnswer, type CallOptions, type Silence } from "./answer-stream.ts";
import { type CallWatch, statusName, type WatchCall } from "./call-watch.ts";
import { nodeIdHeader, type OwnCredentials, setCredentials } from "./credentials.ts";
import type { Draft } from "./messages.ts";
import type { Method } from "./services.ts";
import { errorOfCall } from "./status.ts";
import { channelCredentials, type ServerCheck } from "./tls.ts";

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
   * the call. With `silenceMs`, a longer wait for the next answer ends it as `network` / `timeout`;
   * it is asked anew before each wait, and null is no limit. `staysOpen`: a conversation in which
   * we say no more than the request, and don't end.
   */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Draft<Request>,
    options?: { signal?: AbortSignal; silenceMs?: Silence; staysOpen?: boolean },
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

/** How a channel is kept safe from strangers, and how its calls show who makes them. */
export interface ChannelSecurity {
  /** Null: bytes travel in the clear, and whoever answers is whom one meant. */
  tls: ServerCheck | null;
  /** Asked anew for each call. */
  credentials(): OwnCredentials;
}

export function openChannel(options: {
  /** host:port, IPv6 hosts in brackets. */
  address: string;
  /** Our own node id, told with every call. */
  nodeId?: string;
  security?: ChannelSecurity;
  clock?: Clock;
  watchCall?: WatchCall;
  /** Headers that go along with a call, asked anew for each. */
  headers?: () => Record<string, string>;
}): Channel {
  const { address, security, clock = systemClock } = options;
  const tls = security?.tls ?? null;
  const client = new Client(address, channelCredentials(tls), {
    ...channelOptions,
    ...(tls === null ? {} : { "grpc.ssl_target_name_override": tls.serverName }),
  });
  let isClosed = false;
  return {
    address,
    unary: (method, request, callOptions) =>
      callUnary(client, method, { ...begin(method.path), request, ...callOptions }),
    stream: (method, request, callOptions) =>
      new AnswerStream(client, method, { ...begin(method.path), request, ...callOptions }),
    state: () => (isClosed ? "closed" : stateOf(client)),
    close: () => {
      isClosed = true;
      client.close();
    },
  };

  function begin(path: string) {
    const watch: { watch?: CallWatch } =
      options.watchCall === undefined ? {} : { watch: options.watchCall(path) };
    return { address, clock, metadata: whoWeAre(), ...watch };
  }

  function whoWeAre(): Metadata {
    const metadata = new Metadata();
    if (options.nodeId !== undefined) metadata.set(nodeIdHeader, options.nodeId);
    if (security !== undefined) setCredentials(metadata, security.credentials());
    for (const [name, value] of Object.entries(options.headers?.() ?? {})) {
      metadata.set(name, value);
    }
    return metadata;
  }
}

const channelOptions: ClientOptions = {
  "grpc.max_receive_message_length": limits.messageBytes,
  "grpc.max_send_message_length": limits.messageBytes,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 30_000,
  "grpc.client_idle_timeout_ms": 5 * 60_000,
  // The HTTP/2 window decides the speed over long roads.
  "grpc-node.flow_control_window": limits.windowBytes,
  // One connection a channel, so that closing the channel closes it.
  "grpc.use_local_subchannel_pool": 1,
  // Trying again is decided by whoever calls, with what they know of the peer.
  "grpc.enable_retries": 0,
  "grpc.initial_reconnect_backoff_ms": 500,
  "grpc.max_reconnect_backoff_ms": 10_000,
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_http_proxy": 0,
};

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
        options.watch?.ended(failed ? statusName(failed.code) : "OK", null);
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

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
