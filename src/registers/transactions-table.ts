import { createHash } from "node:crypto";
import { present } from "../base/assert.ts";
import { textOf, utf8 } from "../base/bytes.ts";
import type { TransactionFacts } from "../dockets/types.ts";
import { copyRows } from "../store/copy.ts";
import type { Fragment, Sql, Transaction } from "../store/database.ts";
import { countWhole, damagedError, damageOf } from "./damage.ts";
import { readDocketParts } from "./dockets-table.ts";
import { placesOf, type TransactionPart } from "./transaction-rows.ts";

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

/** Those of the transactions that are held, by id. Throws `docket-damaged` where that is unsure. */
export async function findTransactions(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Map<string, StoredTransaction>> {
  const { registerId } = wanted;
  const found = await findReadable(sql, wanted);
  for (const { docketNumber } of found.values()) {
    countWhole(registerId, { from: docketNumber, to: docketNumber });
  }
  // With a damaged index nobody can say that a transaction isn't held.
  const hole = damageOf(registerId).find(({ part }) => part === "index" || part === "bundle");
  const isSure = found.size === new Set(wanted.transactionIds).size || hole === undefined;
  if (!isSure) throw damagedError(registerId, hole.firstNumber);
  return found;
}

async function findReadable(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Map<string, StoredTransaction>> {
  const found = new Map<string, StoredTransaction>();
  const asked = new Set(wanted.transactionIds);
  const { registerId } = wanted;
  const places = await findPlaces(sql, { registerId, keys: [...asked].map(keyOf) });
  const parts = await readDocketParts(sql, { registerId, parts: places });
  for (const { place, data, firstVersion } of parts) {
    const { docketNumber, position } = present(places[place], "the place of a transaction");
    const transactionId = idOf(data);
    // The key may be another transaction's, too: the document decides.
    if (!asked.has(transactionId) || found.has(transactionId)) continue;
    const version = firstVersion > 0 ? firstVersion + position : null;
    found.set(transactionId, { transactionId, docketNumber, position, version, data });
  }
  return found;
}

/** Those of the ids that are held, as far as the index can be believed: it stops no sealing. */
export async function whichExist(
  sql: Sql,
  wanted: { registerId: string; transactionIds: readonly string[] },
): Promise<Set<string>> {
  return new Set((await findReadable(sql, wanted)).keys());
}

/** Stores where the transactions of pages lie. */
export async function insertTransactions(
  transaction: Transaction,
  parts: readonly TransactionPart[],
): Promise<void> {
  const statement = `
    COPY transactions (
      register_id, key, docket_number, position, body_offset, body_length
    ) FROM STDIN (FORMAT binary)`;
  await copyRows(transaction, { statement, portions: placesOf(parts) });
}

/**
 * The same as a part of a statement, which says when it is to be done: a parameter a column. For
 * few transactions.
 */
export function transactionRows(
  sql: Sql,
  rows: {
    registerId: string;
    transactions: readonly TransactionFacts[];
    when: Fragment;
  },
): Fragment {
  const column = (of: (facts: TransactionFacts) => ArrayLike<unknown>) =>
    arrayText(rows.transactions.map(of));
  return sql`
    INSERT INTO transactions (
      register_id, key, docket_number, position, body_offset, body_length
    )
    SELECT ${rows.registerId}, * FROM unnest(
      ${column(({ keys }) => keysOf(keys))}::bigint[],
      ${column(({ docketNumbers }) => docketNumbers)}::bigint[],
      ${column(({ positions }) => positions)}::integer[],
      ${column(({ offsets }) => offsets)}::integer[],
      ${column(({ lengths }) => lengths)}::integer[]
    ) WHERE ${rows.when}`;
}

/** A digest of all that the index says of dockets `from` to `to`; null where it says nothing. */
export async function digestIndex(
  sql: Sql,
  run: { registerId: string; from: number; to: number },
): Promise<string | null> {
  const [row] = await sql<{ digest: string | null }[]>`
    SELECT md5(string_agg(
      int8send(key) || int8send(docket_number) || int4send(position) || int4send(body_offset)
        || int4send(body_length), ''::bytea ORDER BY docket_number, position, key
    )) AS digest
    FROM transactions
    WHERE register_id = ${run.registerId} AND docket_number BETWEEN ${run.from} AND ${run.to}`;
  return row?.digest ?? null;
}

/** The digest that `digestIndex` gives where the index is as it should be. */
export function expectedDigest(
  facts: TransactionFacts,
  run: { from: number; to: number },
): string | null {
  const { docketNumbers } = facts;
  const numberAt = (index: number) => docketNumbers[index] as number;
  const rows = Buffer.allocUnsafe(28 * facts.count);
  const keys = Buffer.from(facts.keys.buffer);
  let at = 0;
  for (let index = 0; index < facts.count; index += 1) {
    if (numberAt(index) < run.from || numberAt(index) > run.to) continue;
    keys.copy(rows, at, 16 * index, 16 * index + 8);
    rows.writeBigInt64BE(BigInt(numberAt(index)), at + 8);
    rows.writeInt32BE(facts.positions[index] as number, at + 16);
    rows.writeInt32BE(facts.offsets[index] as number, at + 20);
    rows.writeInt32BE(facts.lengths[index] as number, at + 24);
    at += 28;
  }
  return at === 0 ? null : createHash("md5").update(rows.subarray(0, at)).digest("hex");
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

/**
 * Lets the rows that came since the last time be found by docket without a look at all of them: the
 * index by docket takes them in, and the planner learns that it is worth its while. Without that it
 * read the whole table for each page of an audit, 32 ms instead of 1 at 100,000 rows. Not within a
 * transaction.
 */
export async function indexTransactionsByDocket(sql: Sql): Promise<void> {
  await sql`SELECT brin_summarize_new_values('transactions_by_docket')`;
  await sql`ANALYZE transactions (register_id, docket_number)`;
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
    FROM unnest(${arrayText([wanted.keys])}::bigint[]) AS asked (key)
    CROSS JOIN LATERAL (
      SELECT docket_number, position, body_offset, body_length FROM transactions
      WHERE transactions.key = asked.key AND register_id = ${wanted.registerId} OFFSET 0
    ) AS place
    ORDER BY place.docket_number, place.position`;
  return [...places];
}

/** The first 8 of each transaction's 16 key bytes, as PostgreSQL's signed bigint. */
function keysOf({ buffer, byteOffset, byteLength }: Uint8Array): bigint[] {
  const view = new DataView(buffer, byteOffset, byteLength);
  return Array.from({ length: byteLength / 16 }, (_, index) => view.getBigInt64(index * 16));
}

/** The same of an id: see `transactionKey` of dockets/. */
function keyOf(transactionId: string): bigint {
  const hex = /^[0-9a-f]{64}$/.test(transactionId)
    ? transactionId
    : createHash("sha256").update(utf8(transactionId)).digest("hex");
  return BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`));
}

/** Lists of integers as PostgreSQL writes one array. */
function arrayText(lists: readonly ArrayLike<unknown>[]): string {
  const texts = lists.map((list) => Array.prototype.join.call(list, ","));
  return `{${texts.filter((text) => text !== "").join(",")}}`;
}

/** Empty where a wrong row of the index points at something else. */
function idOf(data: Uint8Array): string {
  try {
    const document = JSON.parse(textOf(data) ?? "null") as { transactionId?: string } | null;
    return document?.transactionId ?? "";
  } catch {
    return "";
  }
}
