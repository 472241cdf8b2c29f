import type { Clock } from "../runtime/clock.ts";
import type { Rounds } from "./round.ts";

/**
 * How long a validator waits for a round, and for whom. A value on a clock; all times monotonic ms.
 * Time-outs grow by half with each round, so that validators meet in one; a proposer that let its
 * last turn pass in silence gets a short one until it is heard again.
 */
export class Patience {
  #round = -1;
  #startedMs = 0;
  #remindedMs = 0;
  #controlMs = Number.NEGATIVE_INFINITY;
  #isBusy = false;
  #timeoutMs = 0;
  readonly #silent = new Set<string>();

  constructor(
    private readonly options: {
      clock: Pick<Clock, "monotonicMs">;
      dice: () => number;
      sealMs: number;
      roundMs: number;
    },
  ) {}

  /** Another docket number. */
  begin(): void {
    this.#round = -1;
    this.#isBusy = false;
  }

  /** How things stand; a new round begins its time. */
  look(rounds: Rounds, state: { isBusy: boolean; oldestMs: number | null }): void {
    const nowMs = this.#nowMs();
    const { round, proposer } = rounds;
    const isNew = round !== this.#round || (state.isBusy && !this.#isBusy);
    this.#isBusy = state.isBusy;
    if (!isNew) return;
    this.#round = round;
    this.#startedMs = nowMs;
    this.#remindedMs = nowMs;
    const { roundMs, sealMs, dice } = this.options;
    const growth = 1.5 ** Math.min(round, growthRounds);
    const isSuspect = this.#silent.has(proposer);
    const fullMs = Math.min(longestMs, roundMs * growth) * (1 + dice() / 4);
    const waitMs = isSuspect && round < suspectRounds ? fullMs / 8 : fullMs;
    this.#timeoutMs = waitMs + (round === 0 ? sealMs : 0);
  }

  heard(validatorId: string): void {
    this.#silent.delete(validatorId);
  }

  /** It let its turn pass. */
  gaveUp(validatorId: string): void {
    this.#silent.add(validatorId);
  }

  isDue(oldestMs: number | null): boolean {
    return oldestMs !== null && this.#nowMs() - oldestMs >= this.options.sealMs;
  }

  isOver(): boolean {
    return this.#isBusy && this.#nowMs() - this.#startedMs >= this.#timeoutMs;
  }

  /** True now and then: for what the others may not agree to yet. */
  isTurnOfControl(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs - this.#controlMs < controlMs) return false;
    this.#controlMs = nowMs;
    return true;
  }

  /** True now and then, while a round goes on. */
  shouldRemind(): boolean {
    const nowMs = this.#nowMs();
    if (!this.#isBusy || nowMs - this.#remindedMs < this.options.roundMs / 3) return false;
    this.#remindedMs = nowMs;
    return true;
  }

  /** When there is something to do next; null: nothing. */
  nextMs(oldestMs: number | null): number | null {
    if (!this.#isBusy) return null;
    const times = [this.#startedMs + this.#timeoutMs, this.#remindedMs + this.options.roundMs / 3];
    const dueMs = (oldestMs ?? 0) + this.options.sealMs;
    if (oldestMs !== null && dueMs > this.#nowMs()) times.push(dueMs);
    return Math.min(...times);
  }

  #nowMs(): number {
    return this.options.clock.monotonicMs();
  }
}

const longestMs = 15_000;
const controlMs = 3_000;
const growthRounds = 12;
/** In later rounds everybody gets the full time: perhaps it is this node that is slow. */
const suspectRounds = 3;
