import { present } from "../base/assert.ts";
import type { CheckedPage, DocketFacts, Policy, Refusal } from "../dockets/types.ts";
import type { Checkpoint } from "../registers/checkpoints-table.ts";
import type { Damage, DamagedPart } from "../registers/damage-table.ts";
import type { UncheckedDocket } from "../registers/dockets-table.ts";
import { policyFacts } from "../registers/register-progress.ts";
import type { RegisterRow } from "../registers/registers-table.ts";
import { digestIndex, expectedDigest } from "../registers/transactions-table.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";
import type { AuditFindings } from "./audit.ts";
import { mergeDamage, wrongColumns, wrongLinks, wrongRow } from "./audit-page.ts";

/** What an audit has found so far, docket by docket in the order of the chain. */
export class AuditLedger {
  /** In force for the next docket; null before docket 0. */
  policy: Policy | null = null;
  dockets = 0;
  transactions = 0;
  #unjudgedFrom: number | null = null;
  #bytes = 0;
  #isSealed = true;
  /** No docket is damaged that may have changed the policy. */
  #isPolicySure = true;
  /** The docket before the next, where that was found true. */
  #last: DocketFacts | null = null;
  /** Version of the next transaction, where that is known. */
  #version: number | null = 1;
  #genesisHash: string | null = null;
  #damage: Damage[] = [];
  readonly #breaks: number[] = [];

  constructor(
    private readonly row: RegisterRow,
    private readonly onDamage: (damage: readonly Damage[]) => Promise<void>,
  ) {}

  /** What comes now can't be judged. */
  get isStopped(): boolean {
    return this.#unjudgedFrom !== null;
  }

  /** The next docket does not follow the one before: the run begins behind a policy chain. */
  beginRun(): void {
    this.#last = null;
    this.#version = null;
  }

  /** Dockets that were found true, with all that is derived from them. */
  async found(
    rows: readonly UncheckedDocket[],
    page: CheckedPage,
    digest: string | null,
  ): Promise<void> {
    for (const [index, docket] of page.dockets.entries()) {
      await this.#docket(present(rows[index], "a docket's row"), docket);
    }
    this.policy = page.policyAfter;
    const from = present(page.dockets[0], "a page's first docket").number;
    const to = present(page.dockets.at(-1), "a page's last docket").number;
    if (digest === expectedDigest(page.transactions, { from, to })) return;
    for (const { number } of page.dockets) await this.#index(page, number);
  }

  /** A docket that is not true. */
  async refused(row: UncheckedDocket, refusal: Refusal): Promise<void> {
    const { number } = row;
    if (refusal.code === "seal" && !this.#isPolicySure) {
      this.#unjudgedFrom = number;
      return;
    }
    if (row.isControl || number === 0) this.#losePolicy();
    this.beginRun();
    await this.#note("bundle", { from: number, to: number }, refusal);
  }

  async missing(run: { from: number; to: number }): Promise<void> {
    this.#losePolicy();
    this.beginRun();
    await this.#note("bundle", run, { code: "missing", message: "The docket is not there" });
  }

  async close(row: RegisterRow, checkpoint: Checkpoint | null): Promise<AuditFindings> {
    for (const number of wrongLinks(this.#breaks)) {
      const message = "The docket is not the one that the docket behind it names";
      await this.#note("bundle", { from: number, to: number }, { code: "link", message });
    }
    const isBroken = this.#damage.some(({ part }) => part === "bundle") || this.isStopped;
    const expected = isBroken || this.#last === null ? null : this.#expected(row, this.#last);
    if (expected !== null) await this.#compareRow(row, { expected, checkpoint });
    return {
      dockets: this.dockets,
      transactions: this.transactions,
      damage: mergeDamage(this.#damage),
      unjudgedFrom: this.#unjudgedFrom,
      row: expected,
    };
  }

  async #docket(row: UncheckedDocket, docket: DocketFacts): Promise<void> {
    const { number } = docket;
    const last = this.#last;
    // In a policy chain nobody knows how many transactions lie between.
    if (last !== null && last.number !== number - 1) this.#version = null;
    if (last !== null && last.number === number - 1) {
      const isNext = last.hash === docket.previousHash && last.timeMs <= docket.timeMs;
      if (!isNext) this.#breaks.push(number);
    }
    if (number === 0) this.#genesisHash = docket.hash;
    const wrong = wrongColumns(row, docket, this.#version);
    if (wrong.length > 0) {
      const message = `Columns that are not what the docket says: ${wrong.join(", ")}`;
      await this.#note("columns", { from: number, to: number }, { code: "column", message });
    }
    const firstVersion = this.#version ?? (row.firstVersion > 0 ? row.firstVersion : null);
    this.#version = firstVersion === null ? null : firstVersion + docket.transactionCount;
    this.#last = docket;
    this.#isSealed &&= docket.isSealed;
    this.dockets += 1;
    this.transactions += docket.transactionCount;
    this.#bytes += docket.length;
  }

  async #index(page: CheckedPage, number: number): Promise<void> {
    const run = { from: number, to: number };
    const held = await digestIndex(sql(), { registerId: page.registerId, ...run });
    if (held === expectedDigest(page.transactions, run)) return;
    const message = "The index of transactions is not what the docket says";
    await this.#note("index", run, { code: "index", message });
  }

  async #compareRow(
    row: RegisterRow,
    by: { expected: RegisterRow; checkpoint: Checkpoint | null },
  ): Promise<void> {
    const { expected, checkpoint } = by;
    const run = { from: expected.headNumber, to: expected.headNumber };
    const wrong = wrongRow(row, expected);
    const isAtHead =
      checkpoint?.number === expected.headNumber && checkpoint.hash === expected.headHash;
    if (!isAtHead) wrong.push("checkpoint");
    if (wrong.length === 0) return;
    const message = `The register's row is not what its dockets say: ${wrong.join(", ")}`;
    await this.#note("register", run, { code: "row", message });
  }

  #expected(row: RegisterRow, last: DocketFacts): RegisterRow {
    return {
      ...row,
      ...policyFacts(present(this.policy, "the policy of an audited register")),
      genesisHash: this.#genesisHash ?? row.genesisHash,
      headNumber: last.number,
      headHash: last.hash,
      headTimeMs: last.timeMs,
      latestVersion: this.#version === null ? row.latestVersion : this.#version - 1,
      transactionCount: this.transactions,
      bytes: this.#bytes,
      verification: this.#isSealed ? "sealed" : "chain",
    };
  }

  /** What was lost may have said whom to believe from here on; the newest policy may be it. */
  #losePolicy(): void {
    this.#isPolicySure = false;
    this.policy ??= this.row.policy;
  }

  async #note(
    part: DamagedPart,
    run: { from: number; to: number },
    what: { code: string; message: string },
  ): Promise<void> {
    const { code, message } = what;
    const damage = { part, firstNumber: run.from, lastNumber: run.to, code, message };
    this.#damage = mergeDamage([...this.#damage, damage]);
    if (this.#damage.length >= limits.damagedRuns) this.#unjudgedFrom = run.to + 1;
    await this.onDamage([damage]);
  }
}
