import { createHash } from "node:crypto";
import { present } from "../base/assert.ts";
import { textOf, utf8 } from "../base/bytes.ts";
import type { TransactionFacts } from "../dockets/types.ts";
import type { Sql } from "../store/database.ts";
import { readDocketParts } from "./dockets-table.ts";

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

/** Those of the transactions that are held, by id. */
export async function findTransactions(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Map<string, StoredTransaction>> {
  const found = new Map<string, StoredTransaction>();
  const asked = new Set(wanted.transactionIds);
  const { registerId } = wanted;
  const places = await findPlaces(sql, { registerId, keys: [...asked].map(keyOf) });
  const parts = await readDocketParts(sql, { registerId, parts: places });
  for (const [index, { docketNumber, position }] of places.entries()) {
    const { data, firstVersion } = present(parts[index], "the docket of a transaction");
    const transactionId = idOf(data);
    // The key may be another transaction's, too: the document decides.
    if (!asked.has(transactionId) || found.has(transactionId)) continue;
    const version = firstVersion > 0 ? firstVersion + position : null;
    found.set(transactionId, { transactionId, docketNumber, position, version, data });
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

/** Makes room of what was deleted, where nothing else does. Not within a transaction. */
export async function vacuumTransactions(sql: Sql): Promise<void> {
  await sql`VACUUM transactions`;
}

/** Lets the rows that came since the last time be found by docket without a look at all of them. */
export async function indexTransactionsByDocket(sql: Sql): Promise<void> {
  await sql`SELECT brin_summarize_new_values('transactions_by_docket')`;
}

interface Place {
  docketNumber: number;
  position: number;
  offset: number;
  length: number;
}

/** In order of the chain. Key by key: a planner without statistics would read the whole table. */
async function findPlaces(
  sql: Sql,
  wanted: { registerId: string; keys: bigint[] },
): Promise<Place[]> {
  if (wanted.keys.length === 0) return [];
  const places = await sql<Place[]>`
    SELECT place.docket_number AS "docketNumber", place.position, place.body_offset AS offset,
      place.body_length AS length
    FROM unnest(${arrayText(wanted.keys)}::bigint[]) AS asked (key)
    CROSS JOIN LATERAL (
      SELECT docket_number, position, body_offset, body_length FROM transactions
      WHERE transactions.key = asked.key AND register_id = ${wanted.registerId} OFFSET 0
    ) AS place
    ORDER BY place.docket_number, place.position`;
  return [...places];
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
