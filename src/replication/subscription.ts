import { assert } from "../base/assert.ts";

export type Mode = "ForwardOnly" | "FullReplica";

/**
 * Subscribing     → Syncing          a full replica found a source
 * Subscribing     → Active           a follower verified the policy chain and the head
 * Syncing         → FullyReplicated  everything the source has is verified and stored
 * FullyReplicated → Syncing          a source is ahead by more than the live stream's next docket
 * any of them     → Error            10 attempts in a row failed, or the validators contradict
 * themselves
 * Error           → Subscribing      the back-off is over, or somebody woke the register
 */
export type SubscriptionState = "Subscribing" | "Syncing" | "FullyReplicated" | "Active" | "Error";

const arrows: Record<SubscriptionState, readonly SubscriptionState[]> = {
  Subscribing: ["Syncing", "Active", "Error"],
  Syncing: ["FullyReplicated", "Error"],
  FullyReplicated: ["Syncing", "Error"],
  Active: ["Error"],
  Error: ["Subscribing"],
};

/** Failures in a row after which a subscription says `Error`; it goes on trying, more slowly. */
export const failuresBeforeError = 10;

/**
 * A subscription's place in the drawing above. Asking for an arrow that isn't there is a defect.
 */
export class Subscription {
  #state: SubscriptionState;
  #failures = 0;

  constructor(
    readonly registerId: string,
    readonly mode: Mode,
    options: { state?: SubscriptionState } = {},
  ) {
    this.#state = options.state ?? "Subscribing";
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Subscribing, Error or FullyReplicated → Syncing: a full replica has dockets to fetch. */
  beginSync(): void {
    assert(this.mode === "FullReplica", "only a full replica syncs");
    if (this.#state === "Syncing") return;
    if (this.#state === "Error") this.#go("Subscribing");
    this.#go("Syncing");
  }

  /** Everything the source has is here: → FullyReplicated, or → Active for a follower. */
  caughtUp(): void {
    this.#failures = 0;
    const goal = this.mode === "FullReplica" ? "FullyReplicated" : "Active";
    if (this.#state === goal) return;
    if (this.#state === "Error") this.#go("Subscribing");
    if (goal === "FullyReplicated" && this.#state === "Subscribing") this.#go("Syncing");
    this.#go(goal);
  }

  /** Something was stored: whatever failed before is over. */
  progressed(): void {
    this.#failures = 0;
  }

  /** An attempt failed. True when this one led to Error. */
  failed(): boolean {
    this.#failures += 1;
    if (this.#failures < failuresBeforeError || this.#state === "Error") return false;
    this.#go("Error");
    return true;
  }

  /** The register's validators contradict themselves: nothing more is taken. */
  stopped(): void {
    if (this.#state !== "Error") this.#go("Error");
  }

  #go(state: SubscriptionState): void {
    assert(arrows[this.#state].includes(state), `no arrow from ${this.#state} to ${state}`);
    this.#state = state;
  }
}
