import { createHash } from "node:crypto";
import { textOf, utf8 } from "../base/bytes.ts";
import type { TransactionFacts } from "../dockets/types.ts";
import type { Sql } from "../store/database.ts";
import { arrayText } from "./docket-columns.ts";

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
      AND key = ANY (${keyArray(wanted.transactionIds)}::bytea[])
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

/** Stores where a page's transactions lie, in one statement. */
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
    SELECT ${page.registerId}, substring(given.keys FROM i::integer * 16 - 15 FOR 16), docket_number,
      place, body_offset, body_length
    FROM
      (SELECT ${facts.keys}::bytea AS keys) AS given,
      unnest(
        ${arrayText(facts.docketNumbers)}::bigint[], ${arrayText(facts.positions)}::integer[],
        ${arrayText(facts.offsets)}::integer[], ${arrayText(facts.lengths)}::integer[]
      ) WITH ORDINALITY AS transaction (docket_number, place, body_offset, body_length, i)`;
}

/** Deletes up to `countMax` of a register's rows and says how many there were. */
export async function deleteTransactions(
  sql: Sql,
  chunk: { registerId: string; countMax: number },
): Promise<number> {
  const deleted = await sql`
    DELETE FROM transactions WHERE register_id = ${chunk.registerId} AND ctid = ANY (ARRAY(
      SELECT ctid FROM transactions WHERE register_id = ${chunk.registerId} LIMIT ${chunk.countMax}
    ))`;
  return deleted.count;
}

/** As PostgreSQL writes an array of bytea. */
function keyArray(transactionIds: readonly string[]): string {
  const keys = transactionIds.map((id) => `"\\\\x${keyHex(id)}"`);
  return `{${keys.join(",")}}`;
}

/** The same 16 bytes as `transactionKey` of dockets/, as hex. */
function keyHex(transactionId: string): string {
  if (/^[0-9a-f]{64}$/.test(transactionId)) return transactionId.slice(0, 32);
  return createHash("sha256").update(utf8(transactionId)).digest("hex").slice(0, 32);
}

function idOf(data: Uint8Array): string {
  const document = JSON.parse(textOf(data) ?? "null") as { transactionId?: string } | null;
  return document?.transactionId ?? "";
}
