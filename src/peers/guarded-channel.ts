import { isAbort, PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { Silence } from "../wire/answer-stream.ts";
import type { Channel, ChannelState } from "../wire/client.ts";
import type { Draft } from "../wire/messages.ts";
import type { Method } from "../wire/services.ts";
import { type Circuit, shutError } from "./circuit.ts";

/**
 * A peer's channel with its circuit in front. Closing it ends what is under way on it, which the
 * library's own close leaves running: with `network` / `dropped`, as if the line had been cut.
 */
export class GuardedChannel implements Channel {
  readonly address: string;
  readonly #gone = new AbortController();
  #underWay = 0;
  #usedAtMs: number;

  constructor(
    private readonly inner: Channel,
    private readonly options: {
      circuit: Circuit;
      lostTrust: () => string | null;
      monotonicMs: () => number;
    },
  ) {
    this.address = inner.address;
    this.#usedAtMs = options.monotonicMs();
  }

  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Draft<Request>,
    call: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<Response> {
    return this.options.circuit.run(async () => {
      const ending = this.#begin(call.signal);
      try {
        return await this.inner.unary(method, request, { ...call, signal: ending.signal });
      } catch (error) {
        throw this.#judged(error, call.signal);
      } finally {
        this.#finish(ending);
      }
    });
  }

  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Draft<Request>,
    call: { signal?: AbortSignal; silenceMs?: Silence; staysOpen?: boolean } = {},
  ): AsyncIterableIterator<Response> {
    if (this.options.circuit.isShut()) throw shutError();
    const beganMs = this.options.monotonicMs();
    const ending = this.#begin(call.signal);
    const answers = this.inner.stream(method, request, { ...call, signal: ending.signal });
    let isOver = false;
    const finish = () => {
      if (!isOver) this.#finish(ending);
      isOver = true;
    };
    return {
      next: async () => {
        try {
          const answer = await answers.next();
          if (answer.done) finish();
          return answer;
        } catch (error) {
          finish();
          const judged = this.#judged(error, call.signal);
          this.options.circuit.noteEnd(judged, beganMs);
          throw judged;
        }
      },
      return: async () => {
        finish();
        await answers.return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  state(): ChannelState {
    return this.inner.state();
  }

  lostTrust(): string | null {
    return this.options.lostTrust();
  }

  isUnusedSince(monotonicMs: number): boolean {
    return this.#underWay === 0 && this.#usedAtMs < monotonicMs;
  }

  close(): void {
    this.#gone.abort();
    this.inner.close();
  }

  #begin(signal: AbortSignal | undefined): AbortController & { dispose: () => void } {
    this.#underWay += 1;
    const ending = childOf(this.#gone.signal);
    if (signal === undefined) return ending;
    const onAbort = () => ending.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const dispose = ending.dispose;
    return Object.assign(ending, {
      dispose: () => {
        signal.removeEventListener("abort", onAbort);
        dispose();
      },
    });
  }

  #finish(ending: { dispose: () => void }): void {
    this.#underWay -= 1;
    this.#usedAtMs = this.options.monotonicMs();
    ending.dispose();
  }

  /** An end that our own caller did not ask for is a cut line to them. */
  #judged(error: unknown, signal: AbortSignal | undefined): unknown {
    if (!isAbort(error) || signal?.aborted || !this.#gone.signal.aborted) return error;
    return new PeerError("network", "dropped", {
      message: `The connection to ${this.address} was closed here`,
    });
  }
}
