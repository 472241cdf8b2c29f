import { backoffMs } from "../base/backoff.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import { isSamePolicy } from "../dockets/policy.ts";
import { timeMsOf } from "../dockets/time.ts";
import type { VerifiedPast } from "../dockets/types.ts";
import type { Source } from "../peers/adverts.ts";
import { appendBefore } from "../registers/append-before.ts";
import { type RegisterState, registerOf } from "../registers/heads.ts";
import { Judge } from "./judge.ts";
import type { LoopOptions } from "./loop-options.ts";
import { Nap } from "./nap.ts";
import { type PastRun, provePast, pullAll } from "./past.ts";
import type { PulledPage } from "./pull.ts";
import type { RegisterLoop } from "./register-loop.ts";
import { SourceMemory } from "./source-memory.ts";
import { readStoredDocket, StoredPolicies } from "./stored-policy.ts";
import { troubleOf } from "./trouble.ts";

export interface BackfillOptions
  extends Pick<
    LoopOptions,
    | "sources"
    | "pullRange"
    | "check"
    | "checkStored"
    | "compare"
    | "whenStorable"
    | "report"
    | "tell"
    | "clock"
    | "dice"
    | "log"
  > {
  registerId: string;
  /** Dockets of the past were stored. */
  onStored: () => void;
  /** It can't go on: what the register was begun with was not all of its policy chain. */
  onMisled: (why: { code: string; message: string }) => void;
}

/** A run that is being pulled. */
interface Ahead {
  source: Source;
  from: number;
  end: number;
  pages: Promise<PulledPage[]>;
}

/**
 * Brings the past of a register whose head is followed already, from the newest docket to the
 * oldest: what is held tells of each run the hash that its last docket has, so a run is true or
 * refused by itself, whoever gives it. While one run is verified and stored, the next is pulled.
 * Ends when docket 0 is stored; writes through `append-before.ts` alone.
 */
export class Backfill {
  readonly #nap = new Nap();
  readonly #memory: SourceMemory;
  readonly #judge: Judge;
  readonly #policies: StoredPolicies;
  #failures = 0;
  #turn = 0;
  #ahead: Ahead | null = null;

  constructor(private readonly options: BackfillOptions) {
    const { clock, dice, registerId, checkStored } = options;
    this.#memory = new SourceMemory({ monotonicMs: () => clock.monotonicMs(), dice });
    this.#judge = new Judge({ ...options, memory: this.#memory });
    this.#policies = new StoredPolicies({ registerId, check: checkStored });
  }

  /** The register has begun, or somebody has news of it. */
  wake(): void {
    this.#nap.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { registerId, clock, dice, log } = this.options;
    while (!signal.aborted) {
      const register = registerOf(registerId);
      if (register?.firstNumber === 0) return;
      const isDone = register !== null && (await this.#step(register, signal));
      this.#failures = isDone ? 0 : this.#failures + 1;
      if (isDone || signal.aborted) continue;
      const waitMs = backoffMs(this.#failures - 1, { firstMs: 100, longestMs: 10_000, dice });
      log.debug({ waitMs }, "The past of a register waits");
      await this.#nap.rest(register === null ? idleMs : waitMs, { clock, signal });
    }
  }

  /** One run, from one source. False when none came. */
  async #step(register: RegisterState, signal: AbortSignal): Promise<boolean> {
    await this.options.whenStorable();
    const end = register.firstNumber;
    const from = Math.max(0, end - countFor(register));
    const pulling = this.#takeAhead({ from, end }, signal);
    if (pulling === null) return false;
    const { source } = pulling;
    try {
      const pages = await pulling.pages;
      this.#ahead = this.#pull(
        { from: Math.max(0, pulling.from - (end - from)), end: pulling.from },
        signal,
      );
      const run = await this.#runOf(pulling.from, end);
      const proven = await provePast(pages, run, this.options);
      if (!proven.ok) {
        this.#judge.trouble(source.peerId, { kind: "false", refusal: proven.refusal });
        return false;
      }
      if (!(await this.#agreesOnPolicy(proven.value[0], end))) return false;
      return await this.#store(proven.value, source);
    } catch (error) {
      if (!signal.aborted) this.#failed(source, error);
      return false;
    }
  }

  async #store(proven: readonly VerifiedPast[], source: Source): Promise<boolean> {
    for (const past of proven) {
      if ((await appendBefore(past)) === "moved") return false;
      this.#judge.stored(past.place.nextNumber - 1, source.peerId);
      this.options.onStored();
    }
    return true;
  }

  #failed(source: Source, error: unknown): void {
    const isOurs =
      error instanceof PeerError && error.kind === "unavailable" && !("address" in error.facts);
    if (isOurs) this.options.log.warn({ err: messageOf(error) }, "The past could not be stored");
    else this.#judge.trouble(source.peerId, troubleOf(error));
  }

  /** What was pulled ahead, where it is what is wanted now. */
  #takeAhead(run: { from: number; end: number }, signal: AbortSignal) {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead?.end === run.end ? ahead : this.#pull(run, signal);
  }

  /** Sources take turns: each is asked for a run while the last one's is stored. */
  #pull(run: { from: number; end: number }, signal: AbortSignal): Ahead | null {
    if (run.end === 0) return null;
    const free = this.#memory.free(this.options.sources());
    const speaking = free.filter((source) => source.speaksReplication);
    const whole = speaking.filter((source) => source.advert.hasFullReplica);
    const choice = whole.length > 0 ? whole : speaking;
    const source = choice[this.#turn++ % Math.max(1, choice.length)];
    if (source === undefined) return null;
    const pulling = childOf(signal);
    const options = { ...this.options, signal: pulling.signal };
    const pages = pullAll(source, run, options).finally(() => pulling.dispose());
    // Whoever takes it hears of a failure; what is pulled ahead in vain is nobody's.
    pages.catch(() => undefined);
    return { source, ...run, pages };
  }

  async #runOf(from: number, end: number): Promise<PastRun> {
    const { registerId } = this.options;
    const behind = await readStoredDocket(registerId, end);
    if (behind === null) {
      throw new PeerError("unavailable", "docket-damaged", {
        message: `Docket ${end} of register ${registerId} is damaged here: nothing can be fitted before it`,
      });
    }
    return {
      from,
      place: {
        registerId,
        nextNumber: end,
        previousHash: behind.previousHash,
        timeMs: timeMsOf(behind.createdAt),
        hashBefore: null,
        policy: await this.#policies.at(from),
      },
    };
  }

  /** The hashes prove the page. A change of policy in it that we do not know of misled us. */
  async #agreesOnPolicy(newest: VerifiedPast | undefined, end: number): Promise<boolean> {
    const known = await this.#policies.at(end);
    if (newest === undefined || isSamePolicy(newest.page.policyAfter, known)) return true;
    const message =
      "The source that this register was begun from withheld a change of its policy; " +
      "purge it and subscribe again";
    this.options.onMisled({ code: "policy-withheld", message });
    return false;
  }
}

/** Nothing is held yet: whoever stores the beginning wakes this. */
const idleMs = 60_000;
/** A run of about this many bytes is in memory twice: pulled ahead, and being stored. */
const runBytes = 4 * 1024 * 1024;
const runDocketsMax = 1_000;

function countFor(register: RegisterState): number {
  const held = register.headNumber - register.firstNumber + 1;
  const each = Math.max(200, register.bytes / held);
  return Math.max(1, Math.min(runDocketsMax, Math.floor(runBytes / each)));
}

/** Brings a full replica's past here beside its loop, until the signal aborts. */
export function startBackfill(
  loop: RegisterLoop,
  options: Omit<BackfillOptions, "onStored" | "onMisled"> & { signal: AbortSignal },
): { wake: () => void; ended: Promise<void> } {
  const { registerId, log, signal } = options;
  const backfill = new Backfill({
    ...options,
    onStored: () => loop.place(),
    onMisled: (why) => loop.stop(why),
  });
  const ended = backfill.run(signal).catch((error) => {
    if (!isAbort(error)) log.error({ registerId, err: messageOf(error) }, "A backfill broke");
  });
  return { wake: () => backfill.wake(), ended };
}
