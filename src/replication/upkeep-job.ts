import { isAbort, messageOf } from "../base/error.ts";
import type { AuditRow } from "../registers/audits-table.ts";
import { storeAudit } from "../registers/audits-table.ts";
import { damageOf, setDamage } from "../registers/damage.ts";
import { registerOf } from "../registers/heads.ts";
import { correctRow } from "../registers/repair.ts";
import type { Clock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import { type AuditFindings, auditRegister } from "./audit.ts";
import { mergeDamage } from "./audit-page.ts";
import { type Happening, Judge, type SourceReport } from "./judge.ts";
import type { LoopOptions } from "./loop-options.ts";
import { type RepairOptions, repairDockets } from "./repair.ts";
import { SourceMemory } from "./source-memory.ts";
import type { CheckStored } from "./stored-policy.ts";

export type UpkeepWork = "audit" | "repair";

/** What a job needs of the rest of the program, bound to its register. */
export interface JobOptions {
  registerId: string;
  work: UpkeepWork;
  checkStored: CheckStored;
  stations: Pick<LoopOptions, "sources" | "pullRange" | "check" | "compare">;
  report: (report: SourceReport) => void;
  tell: (happening: Happening) => void;
  /** Called after each page; the job goes on when it resolves. */
  pace: (bytes: number, signal: AbortSignal) => Promise<void>;
  onAudited: (row: AuditRow) => void;
  clock: Clock;
  dice: () => number;
}

/**
 * running → finished  everything was looked at, and with `repair` mended as far as it can be
 * running → failed    the store or this node failed, or somebody stopped it: what was found stays
 */
export type JobState = "running" | "finished" | "failed";

const log = logFor("upkeep");
/** An audit after each repair shows what could not be judged before. */
const roundsMax = 4;

/** One audit of one register, or its repair: an audit, what mends it, and an audit after that. */
export class UpkeepJob {
  state: JobState = "running";
  docketsDone = 0;
  docketsTotal = 0;
  transactionsDone = 0;
  repairedDockets = 0;
  lostDockets = 0;
  /** Why it failed, in a sentence. */
  message: string | null = null;
  readonly startedAtMs: number;
  readonly ended: Promise<void>;
  readonly #stopping = new AbortController();

  constructor(readonly options: JobOptions) {
    this.startedAtMs = options.clock.nowMs();
    this.ended = this.#run();
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.ended;
  }

  async #run(): Promise<void> {
    const { registerId, work } = this.options;
    try {
      const findings = await this.#audit();
      if (work === "repair") await this.#repair(findings);
      this.state = "finished";
    } catch (error) {
      this.state = "failed";
      this.message = isAbort(error) ? "It was stopped before its end" : messageOf(error);
      if (!isAbort(error)) log.error({ registerId, work, err: messageOf(error) }, "Upkeep failed");
    }
  }

  async #audit(): Promise<AuditFindings> {
    const { registerId, clock, checkStored } = this.options;
    const startedMs = clock.monotonicMs();
    const findings = await auditRegister({
      registerId,
      verify: checkStored,
      onPage: (so) => {
        this.docketsDone = so.dockets;
        this.docketsTotal = so.total;
        this.transactionsDone = so.transactions;
        return this.options.pace(so.bytes, this.#stopping.signal);
      },
      onDamage: (damage) =>
        setDamage(registerId, mergeDamage([...damageOf(registerId), ...damage])),
      signal: this.#stopping.signal,
    });
    await setDamage(registerId, findings.damage);
    const row: AuditRow = {
      registerId,
      finishedAtMs: clock.nowMs(),
      tookMs: Math.round(clock.monotonicMs() - startedMs),
      dockets: findings.dockets,
      transactions: findings.transactions,
      isWhole: findings.damage.length === 0 && findings.unjudgedFrom === null,
      unjudgedFrom: findings.unjudgedFrom,
    };
    await storeAudit(sql(), row);
    this.options.onAudited(row);
    if (row.isWhole) log.info({ ...row }, "Audited: all is whole");
    else this.#tellDamage(findings);
    return findings;
  }

  #tellDamage({ damage, unjudgedFrom }: AuditFindings): void {
    const { registerId, tell } = this.options;
    const [first] = damage;
    const message =
      first === undefined
        ? "An audit could not judge all that is stored"
        : `An audit found ${countOf(damage)} damaged, the first docket ${first.firstNumber}: ${first.message}`;
    const facts = { damage: damage.slice(0, 20), unjudgedFrom };
    log.error({ registerId, ...facts }, message);
    tell({ type: "register.damaged", peerId: null, message, facts });
  }

  async #repair(first: AuditFindings): Promise<void> {
    const { registerId, tell } = this.options;
    const memory = new SourceMemory({
      monotonicMs: () => this.options.clock.monotonicMs(),
      dice: this.options.dice,
    });
    let findings = first;
    for (let round = 0; round < roundsMax && !isClean(findings); round += 1) {
      const before = this.repairedDockets;
      this.lostDockets = await repairDockets(this.#repairOptions(memory));
      // A row can be told from dockets only once these are all true.
      if (findings.row !== null && !isClean(findings)) await correctRow(findings.row);
      findings = await this.#audit();
      if (this.repairedDockets === before && findings.row === null) break;
    }
    const message = isClean(findings)
      ? `Repaired: ${this.repairedDockets} dockets are whole again`
      : `Not repaired: ${this.#whyNot()}`;
    log.info({ registerId, repaired: this.repairedDockets, lost: this.lostDockets }, message);
    if (!isClean(findings)) this.message = message;
    tell({ type: "register.repaired", peerId: null, message, facts: { lost: this.lostDockets } });
  }

  #whyNot(): string {
    const { registerId, stations } = this.options;
    const count = `${this.lostDockets} dockets stay damaged`;
    if (stations.sources().length > 0) return `${count}; no peer that could be asked gave them`;
    const isOrigin = registerOf(registerId)?.isOrigin ?? false;
    const why = "no other node that is known here holds this register";
    return isOrigin ? `${count}: this node is the origin, and ${why}` : `${count}: ${why}`;
  }

  #repairOptions(memory: SourceMemory): RepairOptions {
    const { registerId, checkStored, stations, report, tell } = this.options;
    const judge = new Judge({ memory, report, tell, compare: stations.compare, log });
    return {
      registerId,
      sources: () => memory.free(stations.sources()),
      pullRange: stations.pullRange,
      check: stations.check,
      checkStored,
      onTrouble: (source, trouble) => judge.trouble(source.peerId, trouble),
      onRepaired: (count) => {
        this.repairedDockets += count;
      },
      signal: this.#stopping.signal,
    };
  }
}

function isClean(findings: Pick<AuditFindings, "damage" | "unjudgedFrom">): boolean {
  return findings.damage.length === 0 && findings.unjudgedFrom === null;
}

function countOf(damage: AuditFindings["damage"]): string {
  const count = damage.reduce((sum, one) => sum + one.lastNumber - one.firstNumber + 1, 0);
  return count === 1 ? "one thing" : `${count} things`;
}
