import {
  type Client,
  InterceptingCall,
  type Interceptor,
  type Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { PeerError } from "../base/error.ts";
import { abortError } from "../base/signal.ts";
import type { Clock } from "../runtime/clock.ts";
import { type CallWatch, statusName } from "./call-watch.ts";
import type { Draft } from "./messages.ts";
import type { Method } from "./services.ts";
import { errorOfCall } from "./status.ts";

/** What every call takes along. */
export interface CallOptions<Request> {
  address: string;
  clock: Clock;
  metadata: Metadata;
  request: Draft<Request>;
  signal?: AbortSignal;
  watch?: CallWatch;
}

/** Longest wait for the next answer, asked each time; null: none. */
export type Silence = number | (() => number | null);

type StreamOptions<Request> = CallOptions<Request> & { silenceMs?: Silence; staysOpen?: boolean };

/**
 * The answers of one call. grpc-js would hand them over as a Node stream that fetches sixteen
 * messages ahead (up to 256 MiB) and that, left early on Bun, hangs the next stream of its
 * connection. So an interceptor takes the messages off before that stream sees them, asks for each
 * one by `startRead`, and every end but the peer's own is an explicit cancel.
 */
export class AnswerStream<Request, Response> implements AsyncIterableIterator<Response> {
  readonly #method: Method<Request, Response>;
  readonly #options: StreamOptions<Request>;
  readonly #arrived: Buffer[] = [];
  readonly #call: { cancel: () => void };
  #inner: InterceptingCall | null = null;
  #end: { error: Error | null } | null = null;
  #wake: () => void = () => {};

  constructor(client: Client, method: Method<Request, Response>, options: StreamOptions<Request>) {
    this.#method = method;
    this.#options = options;
    const encode = (request: Draft<Request>) => asBuffer(method.request.encode(request));
    const take = (bytes: Buffer) => bytes;
    const { path } = method;
    const { request, metadata } = options;
    const call = { interceptors: [this.#takeOver()] };
    if (options.staysOpen === true) {
      const conversation = client.makeBidiStreamRequest(path, encode, take, metadata, call);
      conversation.write(request);
      this.#call = conversation;
    } else {
      this.#call = client.makeServerStreamRequest(path, encode, take, request, metadata, call);
    }
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
    const { silenceMs: limit = null, clock, address } = this.#options;
    const silenceMs = typeof limit === "function" ? limit() : limit;
    if (silenceMs === null) return arrived;
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
    this.#options.watch?.answered();
    this.#arrived.push(bytes);
    this.#wake();
  }

  #onStatus(ended: StatusObject): void {
    const failed = ended.code === status.OK ? null : errorOfCall(asError(ended), this.#options);
    if (this.#end === null) this.#close(failed, statusName(ended.code));
  }

  readonly #onAbort = (): void => {
    this.#finish(abortError(this.#options.signal as AbortSignal));
    this.#call.cancel();
  };

  /** Our own end: what has arrived is dropped. */
  #finish(error: Error | null): void {
    this.#arrived.length = 0;
    if (this.#end !== null) return;
    const isTimeout = error instanceof PeerError && error.code === "timeout";
    this.#close(error, isTimeout ? "DEADLINE_EXCEEDED" : "CANCELLED");
  }

  #close(error: Error | null, status: string): void {
    this.#end = { error };
    this.#options.watch?.ended(status, null);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }
}

/** An answer that does not decode: the other side does not speak our contract. */
export function badAnswer(cause: unknown, address: string): PeerError {
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
