import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from "cockatiel";
import { PeerError } from "../base/error.ts";
import { limits } from "../runtime/limits.ts";
import { refusalOf } from "../wire/status.ts";

/**
 * closed     calls go out
 * open       five in a row were not answered: calls fail at once, without going out
 * half-open  the rest is over: one call goes out to find out, the others wait for what it finds
 */
export type CircuitName = "closed" | "open" | "half-open";

/**
 * A peer's circuit breaker. Only silence opens it: a refusal is an answer. One cut line ends many
 * calls; "in a row" are only those that began after the one before them had failed.
 */
export class Circuit {
  readonly #policy;
  #failedMs = Number.NEGATIVE_INFINITY;
  /** Failures of calls that were under way when one was counted: they tell nothing new. */
  readonly #echoes = new WeakSet<object>();
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: { monotonicMs: () => number }) {
    // The library compares the wall clock with a duration. This one is asked anew each time and
    // goes by the clock that does not jump.
    const isResting = () => this.#isResting();
    const beginRest = () => {
      this.#restsUntilMs = options.monotonicMs() + limits.circuitRestMs;
      return rest;
    };
    const rest = {
      get duration() {
        return isResting() ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
      next: beginRest,
    };
    const isCounted = (error: unknown) => isSilence(error) && !this.#echoes.has(error as PeerError);
    this.#policy = circuitBreaker(handleWhen(isCounted), {
      breaker: new ConsecutiveBreaker(limits.circuitFailures),
      halfOpenAfter: { next: beginRest },
    });
  }

  get state(): CircuitName {
    if (this.#policy.state === CircuitState.Closed) return "closed";
    return this.#policy.state === CircuitState.HalfOpen ? "half-open" : "open";
  }

  /** Calls would fail at once. */
  isShut(): boolean {
    return this.state === "open" && this.#isResting();
  }

  /** The call's outcome, which the circuit learns from; throws `network` where it is open. */
  async run<T>(call: () => Promise<T>, beganMs = this.options.monotonicMs()): Promise<T> {
    try {
      return await this.#policy.execute(async () => {
        try {
          return await call();
        } catch (error) {
          this.#compare(error, beganMs);
          throw error;
        }
      });
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      throw shutError();
    }
  }

  /** A stream's calls are too long to be run; what they end with counts all the same. */
  noteEnd(error: unknown, beganMs: number): void {
    if (this.state !== "closed") return;
    this.run(() => Promise.reject(error), beganMs).catch(() => undefined);
  }

  /** It showed itself: the next call may find out now. */
  hasten(): void {
    this.#restsUntilMs = Number.NEGATIVE_INFINITY;
  }

  #compare(error: unknown, beganMs: number): void {
    if (!isSilence(error)) return;
    if (beganMs < this.#failedMs) this.#echoes.add(error as PeerError);
    else this.#failedMs = this.options.monotonicMs();
  }

  #isResting(): boolean {
    return this.options.monotonicMs() < this.#restsUntilMs;
  }
}

/** Nobody answered: neither an answer, nor a refusal, nor our own change of mind. */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof PeerError) || error.kind !== "network") return false;
  return refusalOf(error) === null && error.code !== "circuit-open" && error.code !== "dropped";
}

export function shutError(): PeerError {
  return new PeerError("network", "circuit-open", {
    message: `The peer did not answer ${limits.circuitFailures} times in a row; not asked for now`,
  });
}
