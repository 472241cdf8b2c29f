import { type Signal, signal } from "@preact/signals";
import { systemClock } from "../../runtime/clock.ts";
import { CallError } from "./call.ts";

/**
 * One thing that the node tells, kept as it was last told: a failed call leaves the value and adds
 * the reason. Asks once at a time, and once more when it was asked for meanwhile.
 */
export class Resource<T> {
  readonly value: Signal<T | null> = signal(null);
  readonly error: Signal<CallError | null> = signal(null);
  #running: Promise<void> | null = null;
  #isWantedAgain = false;
  #interest = 0;

  #askedMs = 0;

  constructor(
    private readonly ask: () => Promise<T>,
    /** What changes slowly need not be asked for at every tick. */
    private readonly options: { everyMs: number } = { everyMs: 0 },
  ) {}

  isDue(nowMs: number): boolean {
    return this.error.value !== null || nowMs - this.#askedMs >= this.options.everyMs;
  }

  get isWanted(): boolean {
    return this.#interest > 0;
  }

  /** Asks now, and keeps it fresh until the returned function is called. */
  watch(): () => void {
    this.#interest += 1;
    watched.add(this as Resource<unknown>);
    void this.refresh();
    return () => {
      this.#interest -= 1;
      if (this.#interest === 0) watched.delete(this as Resource<unknown>);
    };
  }

  refresh(): Promise<void> {
    if (this.#running !== null) {
      this.#isWantedAgain = true;
      return this.#running;
    }
    this.#running = this.#ask().finally(() => {
      this.#running = null;
      if (!this.#isWantedAgain) return;
      this.#isWantedAgain = false;
      void this.refresh();
    });
    return this.#running;
  }

  async #ask(): Promise<void> {
    this.#askedMs = systemClock.monotonicMs();
    try {
      const value = await this.ask();
      this.error.value = null;
      // The same again must not draw anything again.
      if (JSON.stringify(value) !== JSON.stringify(this.value.value)) this.value.value = value;
    } catch (thrown) {
      this.error.value =
        thrown instanceof CallError ? thrown : new CallError(0, "unexpected", String(thrown));
    }
  }
}

const watched = new Set<Resource<unknown>>();

/** Those that something on the screen shows. */
export function watchedResources(): readonly Resource<unknown>[] {
  return [...watched];
}
