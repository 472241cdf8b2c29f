import { PeerError } from "../base/error.ts";
import { abortError } from "../base/signal.ts";
import { encodePage } from "../dockets/bundle.ts";
import { isSamePolicy } from "../dockets/policy.ts";
import type { CheckedPage, Outcome, Refusal } from "../dockets/types.ts";
import { withoutAppends } from "../registers/append.ts";
import { readCheckpoint } from "../registers/checkpoints-table.ts";
import type { Damage } from "../registers/damage-table.ts";
import {
  findEnds,
  listControlNumbers,
  readUnchecked,
  type UncheckedDocket,
} from "../registers/dockets-table.ts";
import { registerOf } from "../registers/heads.ts";
import { type RegisterRow, readRegisterRow } from "../registers/registers-table.ts";
import { digestIndex, indexTransactionsByDocket } from "../registers/transactions-table.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import { AuditLedger } from "./audit-ledger.ts";
import type { CheckStored } from "./stored-policy.ts";

export interface AuditOptions {
  registerId: string;
  /** The road's check: on the verifier threads, by this node's settings. */
  verify: CheckStored;
  /** Called with each page; the audit goes on when it resolves. */
  onPage: (so: { dockets: number; transactions: number; total: number; bytes: number }) => unknown;
  /** Damage, as soon as it is found. */
  onDamage: (damage: readonly Damage[]) => Promise<void>;
  signal: AbortSignal;
}

export interface AuditFindings {
  dockets: number;
  transactions: number;
  damage: Damage[];
  /** What lies from here on can be judged once the damage before it is repaired; null: all was. */
  unjudgedFrom: number | null;
  /** The register's row as its dockets say it; null where damage keeps it from being known. */
  row: RegisterRow | null;
}

/**
 * Looks at all that is stored of a register as if it came from a stranger: step 3 of the road,
 * reading rows. Every docket goes through the same verification, several pages at a time on the
 * verifier threads; what is derived from the documents (columns, the index of transactions, the
 * register's row) is compared with them. Reads only. Throws `unknown-register` when the register is
 * not there, or goes away meanwhile.
 */
export async function auditRegister(options: AuditOptions): Promise<AuditFindings> {
  await indexTransactionsByDocket(sql());
  // What is being stored or let go of ends first; nothing is let go of while this runs.
  const row = await withoutAppends(options.registerId, () => heldRow(options.registerId));
  const audit = new Audit(options, row);
  await audit.policyChain();
  // The bulk while the register grows; what came meanwhile while it stands still.
  while ((await audit.toEnd()) > limits.frameDockets) {}
  return withoutAppends(options.registerId, async () => {
    await audit.toEnd();
    return audit.findings();
  });
}

interface Looked {
  rows: UncheckedDocket[];
  checked: Promise<Outcome<CheckedPage>>;
  digest: Promise<string | null>;
}

class Audit {
  readonly #ledger: AuditLedger;
  #next: number;
  #total = 0;
  #row: RegisterRow;

  constructor(
    private readonly options: AuditOptions,
    row: RegisterRow,
  ) {
    this.#row = row;
    this.#next = row.firstNumber;
    this.#ledger = new AuditLedger(row, options.onDamage);
  }

  /** The dockets below the unbroken run that say whom to believe in it. */
  async policyChain(): Promise<void> {
    const { registerId } = this.options;
    const end = this.#row.firstNumber;
    if (end === 0) return;
    const numbers = await listControlNumbers(sql(), { registerId, end });
    if (numbers[0] !== 0) await this.#ledger.missing({ from: 0, to: 0 });
    for (const number of numbers) {
      const rows = await this.#read(number, number);
      for (const row of rows) await this.#judgeAlone(row, { isPolicyChain: true });
    }
    this.#ledger.beginRun();
  }

  /** Everything up to the head as it is now. Gives how many dockets that were. */
  async toEnd(): Promise<number> {
    const { registerId } = this.options;
    this.#row = await heldRow(registerId);
    const ends = await findEnds(sql(), { registerId, from: this.#next });
    const checkpoint = await readCheckpoint(sql(), registerId);
    const highest = ends?.highest ?? this.#next - 1;
    // Where the checkpoint agrees with the dockets, it is the row that is wrong about the end.
    const isRowAhead = this.#row.headNumber > highest && checkpoint?.number !== highest;
    const last = isRowAhead ? this.#row.headNumber : highest;
    this.#total = last + 1;
    const first = this.#next;
    await this.#pages(last);
    return last - first + 1;
  }

  async findings(): Promise<AuditFindings> {
    const checkpoint = await readCheckpoint(sql(), this.options.registerId);
    return this.#ledger.close(this.#row, checkpoint);
  }

  async #pages(last: number): Promise<void> {
    const waiting: Looked[] = [];
    const takeOne = async () => this.#take(waiting.shift() as Looked);
    while (this.#next <= last && !this.#ledger.isStopped) {
      const rows = await this.#read(this.#next, last);
      if (rows.length === 0) {
        while (waiting.length > 0) await takeOne();
        await this.#gap(last);
        continue;
      }
      this.#next += rows.length;
      waiting.push(this.#look(rows));
      // Nothing can be judged before the genesis docket has said whom to believe.
      const depth = this.#ledger.policy === null ? 1 : limits.pagesInFlight;
      while (waiting.length >= depth) await takeOne();
    }
    while (waiting.length > 0) await takeOne();
  }

  /** Rows that follow each other from `next` on; none where that docket is missing. */
  async #read(next: number, last: number): Promise<UncheckedDocket[]> {
    if (this.options.signal.aborted) throw abortError(this.options.signal);
    const { registerId } = this.options;
    const range = { registerId, next, last: Math.min(last, next + limits.frameDockets - 1) };
    const rows = await readUnchecked(sql(), { ...range, bytesMax: limits.frameBytes });
    const end = rows.findIndex((row, index) => row.number !== next + index);
    return end < 0 ? rows : rows.slice(0, end);
  }

  /** Docket `next` is not there: let go of meanwhile, or lost. */
  async #gap(last: number): Promise<void> {
    const { registerId } = this.options;
    const { firstNumber } = registerOf(registerId) ?? (await heldRow(registerId));
    if (firstNumber > this.#next) {
      this.#next = firstNumber;
      this.#ledger.beginRun();
      return;
    }
    const ends = await findEnds(sql(), { registerId, from: this.#next });
    const to = Math.min(last, (ends?.lowest ?? last + 1) - 1);
    await this.#ledger.missing({ from: this.#next, to });
    this.#next = to + 1;
  }

  #look(rows: UncheckedDocket[], isPolicyChain = false): Looked {
    const first = rows[0] as UncheckedDocket;
    const last = rows[rows.length - 1] as UncheckedDocket;
    const bytes = encodePage({
      bundles: rows.map((row) => row.bundle),
      headNumber: 0,
      firstVersion: 0,
    });
    const { registerId } = this.options;
    const run = { registerId, from: first.number, to: last.number };
    const policy = first.number === 0 ? null : this.#ledger.policy;
    const page = { registerId, bytes, nextNumber: first.number, isPolicyChain };
    const looked = {
      rows,
      checked: this.options.verify(page, policy),
      digest: digestIndex(sql(), run),
    };
    // Whoever takes it hears of a failure; until then it is nobody's unhandled one.
    looked.checked.catch(() => undefined);
    looked.digest.catch(() => undefined);
    return looked;
  }

  async #take(looked: Looked): Promise<void> {
    if (this.#ledger.isStopped) return;
    let { rows, checked, digest } = looked;
    let outcome = await checked;
    const isGenesis = rows[0]?.number === 0;
    if (
      outcome.ok &&
      !isGenesis &&
      !isSamePolicy(outcome.value.policyBefore, this.#ledger.policy)
    ) {
      ({ checked, digest } = this.#look(rows));
      outcome = await checked;
    }
    if (outcome.ok) await this.#ledger.found(rows, outcome.value, await digest);
    else for (const row of rows) await this.#judgeAlone(row, { isPolicyChain: false });
    const { dockets, transactions } = this.#ledger;
    const bytes = rows.reduce((sum, row) => sum + row.bundle.length, 0);
    await this.options.onPage({ dockets, transactions, total: this.#total, bytes });
  }

  /** A docket by itself: its page has something wrong in it, and this may be it. */
  async #judgeAlone(row: UncheckedDocket, how: { isPolicyChain: boolean }): Promise<void> {
    if (this.#ledger.isStopped) return;
    const { checked, digest } = this.#look([row], how.isPolicyChain);
    const [outcome, digestHeld] = [await checked, await digest];
    if (outcome.ok) await this.#ledger.found([row], outcome.value, digestHeld);
    else await this.#ledger.refused(row, outcome.refusal as Refusal);
  }
}

async function heldRow(registerId: string): Promise<RegisterRow> {
  const row = await readRegisterRow(sql(), registerId);
  if (row !== null) return row;
  throw new PeerError("not-found", "unknown-register", {
    message: `This node holds nothing of register ${registerId}`,
  });
}
