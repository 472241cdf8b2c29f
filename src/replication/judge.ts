import type { PeerError } from "../base/error.ts";
import type { Refusal } from "../dockets/types.ts";
import type { Log } from "../runtime/log.ts";
import { refused } from "../telemetry/recording.ts";
import { Blame } from "./blame.ts";
import type { SourceMemory } from "./source-memory.ts";
import { codeOf, sentenceOf, type Trouble } from "./trouble.ts";

/** What a source turned out to be worth, for the address book. */
export type SourceReport =
  | { kind: "good"; peerId: string }
  | { kind: "unreachable"; peerId: string; error: PeerError }
  /** A lie that is proven: no honest peer can have served this. */
  | { kind: "refused"; peerId: string; refusal: Refusal };

/** One thing that happened to a register, for its operator. */
export interface Happening {
  /** A stable name, such as `source.lied`. */
  type: string;
  peerId: string | null;
  /** One sentence. */
  message: string;
  facts: Record<string, unknown>;
}

export interface JudgeOptions {
  memory: SourceMemory;
  report: (report: SourceReport) => void;
  tell: (happening: Happening) => void;
  /** Its docket does not link to ours: perhaps it holds another one before it, sealed as well. */
  compare: (peerId: string, docketNumber: number) => void;
  log: Log;
}

/** Decides what trouble with a source costs it: a lie its good name, an honest refusal nothing. */
export class Judge {
  readonly #blame = new Blame();

  constructor(private readonly options: JudgeOptions) {}

  trouble(peerId: string, trouble: Trouble): void {
    const { memory, report, tell, log } = this.options;
    const facts = { peerId, code: codeOf(trouble) };
    const message = sentenceOf(trouble, peerId);
    const docket = trouble.kind === "false" ? { docket: trouble.refusal.docketNumber } : {};
    log.warn({ ...facts, ...docket }, message);
    refused("source", facts.code);
    switch (trouble.kind) {
      case "unreachable":
        if (!noFailures.has(trouble.error.code)) {
          report({ kind: "unreachable", peerId, error: trouble.error });
        }
        tell({
          type: "source.failed",
          peerId,
          message,
          facts: { ...facts, restMs: memory.exclude(peerId, "unreachable") },
        });
        return;
      case "refusal":
        tell({
          type: "source.declined",
          peerId,
          message,
          facts: { ...facts, restMs: memory.exclude(peerId, "refused", trouble.retryAfterMs) },
        });
        return;
      case "false":
        this.#false(peerId, trouble.refusal);
        return;
    }
  }

  /** Dockets up to `number` were stored, the last of them from this source. */
  stored(number: number, peerId: string): void {
    const { memory, report } = this.options;
    report({ kind: "good", peerId });
    memory.absolve(peerId);
    for (const charge of this.#blame.stored(number, peerId)) this.#convict(charge);
  }

  #false(peerId: string, refusal: Refusal): void {
    const { memory, tell } = this.options;
    const charge = { peerId, refusal };
    const verdict = this.#blame.refused(charge);
    if (verdict === "lie") {
      this.#convict(charge);
      return;
    }
    const restMs = memory.exclude(peerId, "suspect");
    if (refusal.code === "link" && refusal.docketNumber !== null) {
      this.options.compare(peerId, refusal.docketNumber - 1);
    }
    const facts = { code: refusal.code, docket: refusal.docketNumber, verdict, restMs };
    const agreeing = this.#blame.agreeing(refusal);
    const message =
      agreeing > 1
        ? `${agreeing} sources serve the same: ${refusal.message}`
        : sentenceOf({ kind: "false", refusal }, peerId);
    tell({ type: "source.suspected", peerId, message, facts: { ...facts, agreeing } });
  }

  #convict({ peerId, refusal }: { peerId: string; refusal: Refusal }): void {
    const { memory, report, tell, log } = this.options;
    report({ kind: "refused", peerId, refusal });
    const restMs = memory.exclude(peerId, "lied");
    const facts = { code: refusal.code, docket: refusal.docketNumber, restMs };
    const message = sentenceOf({ kind: "false", refusal }, peerId);
    tell({ type: "source.lied", peerId, message, facts });
    log.warn({ peerId, ...facts }, "A source is blamed for a lie");
  }
}

/** What we know already, or did ourselves: not another failure of the peer. */
const noFailures: ReadonlySet<string> = new Set(["circuit-open", "asked-again"]);
