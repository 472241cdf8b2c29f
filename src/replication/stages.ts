import type { Clock } from "../runtime/clock.ts";

/**
 * What the speed of a sync hangs on.
 * source  pages do not come faster
 * budget  pages are here and may not come in yet, by the budgets that are set on this node
 * verify  pages wait for the threads that check them
 * commit  checked pages wait for the database
 */
export type LimitingStage = "source" | "budget" | "verify" | "commit";
type Worked = "source" | "verify" | "commit";

/**
 * Where a register's loop spends its time, most of it the latest few seconds. Looked at from the
 * end of the road: while something is committed, the database is what the rest waits for; if not,
 * and something is checked, that is; if neither, nothing came. It only looks on.
 */
export class Stages {
  readonly #busy = { verify: 0, commit: 0 };
  #sinceMs: number;
  #spentMs: Record<Worked, number> = { source: 0, verify: 0, commit: 0 };

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {
    this.#sinceMs = clock.monotonicMs();
  }

  /** The same check, seen. */
  checking<Given extends readonly unknown[], Result>(
    check: (...given: Given) => Promise<Result>,
  ): (...given: Given) => Promise<Result> {
    return (...given) => this.#during("verify", () => check(...given));
  }

  /** The same commit, seen. */
  committing<Given extends readonly unknown[], Result>(
    commit: (...given: Given) => Promise<Result>,
  ): (...given: Given) => Promise<Result> {
    return (...given) => this.#during("commit", () => commit(...given));
  }

  limiting(): Worked {
    this.#settle();
    const { source, verify, commit } = this.#spentMs;
    if (commit >= Math.max(source, verify) && commit > 0) return "commit";
    return verify > source ? "verify" : "source";
  }

  /** What has passed since the last change goes to what went on; what is old counts less. */
  #settle(): void {
    const nowMs = this.clock.monotonicMs();
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs <= 0) return;
    this.#sinceMs = nowMs;
    const left = 0.5 ** (passedMs / halvedMs);
    const { source, verify, commit } = this.#spentMs;
    this.#spentMs = { source: source * left, verify: verify * left, commit: commit * left };
    this.#spentMs[this.#now()] += Math.min(passedMs, halvedMs);
  }

  async #during<Result>(what: "verify" | "commit", work: () => Promise<Result>): Promise<Result> {
    this.#settle();
    this.#busy[what] += 1;
    try {
      return await work();
    } finally {
      this.#settle();
      this.#busy[what] -= 1;
    }
  }

  #now(): Worked {
    if (this.#busy.commit > 0) return "commit";
    return this.#busy.verify > 0 ? "verify" : "source";
  }
}

const halvedMs = 2_000;
