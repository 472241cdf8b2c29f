import type { Clock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Happening } from "./judge.ts";

/** What is done about a register that should move and does not, the mildest first. */
export type Step = "re-request" | "other-source" | "re-handshake" | "re-discover" | "restart";

/** A register as its supervisor sees it. */
export interface Supervised {
  nextNumber: number;
  /** Something is missing here, as far as is known. */
  isBehind: boolean;
  sourcePeerId: string | null;
  /** When the run began, monotonic ms. */
  startedMs: number;
}

/** Time without a docket after which each step is taken, ms; after the last they begin again. */
const ladder: readonly [Step, number][] = [
  ["re-request", 10_000],
  ["other-source", 20_000],
  ["re-handshake", 40_000],
  ["re-discover", 60_000],
];

const sentences: Record<Step, string> = {
  "re-request": "No docket came for a while: asking again",
  "other-source": "Still no docket: asking another source",
  "re-handshake": "Still no docket: connecting anew to the source",
  "re-discover": "Still no docket: asking the mesh who else holds the register",
  restart: "The run took its full time: starting again from the last stored docket",
};

/**
 * Sees to it that a register which is behind gets on without an operator: it looks at nothing but
 * whether dockets are stored, since everything else can be feigned. Each step is told. A value.
 */
export class Supervisor {
  #nextNumber = -1;
  #movedMs: number;
  /** Since when it has been behind without a pause. */
  #behindMs: number;
  #taken = 0;

  constructor(
    private readonly options: {
      look: () => Supervised;
      act: (step: Step) => void;
      tell: (happening: Happening) => void;
      clock: Clock;
    },
  ) {
    this.#movedMs = options.clock.monotonicMs();
    this.#behindMs = this.#movedMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.options.clock.sleep(lookMs, signal).catch(() => undefined);
      if (!signal.aborted) this.check();
    }
  }

  /** One look; takes at most one step. */
  check(): void {
    const nowMs = this.options.clock.monotonicMs();
    const seen = this.options.look();
    if (seen.nextNumber !== this.#nextNumber || !seen.isBehind) {
      this.#nextNumber = seen.nextNumber;
      this.#movedMs = nowMs;
      this.#taken = 0;
    }
    if (!seen.isBehind) this.#behindMs = nowMs;
    if (nowMs - Math.max(seen.startedMs, this.#behindMs) > limits.runMs) {
      this.#take("restart", seen, nowMs);
      return;
    }
    const next = ladder[this.#taken];
    if (next === undefined) {
      this.#movedMs = nowMs;
      this.#taken = 0;
    } else if (seen.isBehind && nowMs - this.#movedMs >= next[1]) {
      this.#taken += 1;
      this.#take(next[0], seen, nowMs);
    }
  }

  #take(step: Step, seen: Supervised, nowMs: number): void {
    const { tell, act } = this.options;
    const stillMs = Math.round(nowMs - this.#movedMs);
    const facts = { code: "stalled", step, nextDocket: seen.nextNumber, stillMs };
    tell({ type: "register.rescued", peerId: seen.sourcePeerId, message: sentences[step], facts });
    act(step);
  }
}

const lookMs = 1_000;
