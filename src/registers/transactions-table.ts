import { createHash } from "node:crypto";
import { textOf, utf8 } from "../base/bytes.ts";
import type { TransactionFacts } from "../dockets/types.ts";
import type { Sql } from "../store/database.ts";

/** A transaction as it is stored. */
export interface StoredTransaction {
  transactionId: string;
  docketNumber: number;
  /** 0-based place in its docket. */
  position: number;
  /** 1-based place in the register; null where the register's past is not known. */
  version: number | null;
  /** The document, byte for byte as it came. */
  data: Uint8Array;
}

/** The transaction, or null. The oldest where a register holds several of one id. */
export async function findTransaction(
  sql: Sql,
  wanted: { registerId: string; transactionId: string },
): Promise<StoredTransaction | null> {
  const found = await findTransactions(sql, {
    registerId: wanted.registerId,
    transactionIds: [wanted.transactionId],
  });
  return found.get(wanted.transactionId) ?? null;
}

/** Those of the transactions that are held, by id, in one question. */
export async function findTransactions(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Map<string, StoredTransaction>> {
  const found = new Map<string, StoredTransaction>();
  if (wanted.transactionIds.length === 0) return found;
  const asked = new Set(wanted.transactionIds);
  const rows = await sql<Omit<StoredTransaction, "transactionId">[]>`
    SELECT transactions.docket_number AS "docketNumber", transactions.position,
      CASE WHEN first_version > 0 THEN first_version + transactions.position END AS version,
      substring(bundle FROM body_offset + 1 FOR body_length) AS data
    FROM transactions JOIN dockets
      ON dockets.register_id = transactions.register_id AND number = docket_number
    WHERE transactions.register_id = ${wanted.registerId}
      AND key = ANY (${arrayText(wanted.transactionIds.map(keyOf))}::bigint[])
    ORDER BY docket_number, transactions.position`;
  for (const row of rows) {
    const transactionId = idOf(row.data);
    if (!asked.has(transactionId) || found.has(transactionId)) continue;
    found.set(transactionId, { transactionId, ...row });
  }
  return found;
}

/** Those of the ids that are held. */
export async function whichExist(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Set<string>> {
  return new Set((await findTransactions(sql, wanted)).keys());
}

/** Stores where a page's transactions lie, in one statement, a parameter a column. */
export async function insertTransactions(
  sql: Sql,
  page: { registerId: string; transactions: TransactionFacts },
): Promise<void> {
  const facts = page.transactions;
  if (facts.count === 0) return;
  await sql`
    INSERT INTO transactions (
      register_id, key, docket_number, position, body_offset, body_length
    )
    SELECT ${page.registerId}, * FROM unnest(
      ${arrayText(keysOf(facts))}::bigint[], ${arrayText(facts.docketNumbers)}::bigint[],
      ${arrayText(facts.positions)}::integer[], ${arrayText(facts.offsets)}::integer[],
      ${arrayText(facts.lengths)}::integer[]
    )`;
}

/** Deletes the rows of a register's dockets `from` to `to`. */
export async function deleteTransactions(
  sql: Sql,
  run: { registerId: string; from: number; to: number },
): Promise<void> {
  await sql`
    DELETE FROM transactions
    WHERE register_id = ${run.registerId} AND docket_number BETWEEN ${run.from} AND ${run.to}`;
}

/** Lets the rows that came since the last time be found by docket without a look at all of them. */
export async function indexTransactionsByDocket(sql: Sql): Promise<void> {
  await sql`SELECT brin_summarize_new_values('transactions_by_docket')`;
}

/** The first 8 of each transaction's 16 key bytes, as PostgreSQL's signed bigint. */
function keysOf(facts: TransactionFacts): bigint[] {
  const { buffer, byteOffset, byteLength } = facts.keys;
  const view = new DataView(buffer, byteOffset, byteLength);
  return Array.from({ length: facts.count }, (_, index) => view.getBigInt64(index * 16));
}

/** The same of an id: see `transactionKey` of dockets/. */
function keyOf(transactionId: string): bigint {
  const hex = /^[0-9a-f]{64}$/.test(transactionId)
    ? transactionId
    : createHash("sha256").update(utf8(transactionId)).digest("hex");
  return BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`));
}

/** A list of integers as PostgreSQL writes an array. */
function arrayText(values: ArrayLike<number | bigint>): string {
  return `{${Array.prototype.join.call(values, ",")}}`;
}

function idOf(data: Uint8Array): string {
  const document = JSON.parse(textOf(data) ?? "null") as { transactionId?: string } | null;
  return document?.transactionId ?? "";
}
