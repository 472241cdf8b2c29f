/**
 * Owns the node's one connection to its database: a pool to a PostgreSQL server, or the embedded
 * database in its thread. Opened by `node.ts` and by tests; the `*-table.ts` files get it as their
 * first argument from those who call them. Knows no table.
 */
import { assert } from "../base/assert.ts";
import { type Database, openDatabase, type Pool, type StoreOptions } from "./database.ts";
import type { StoreHealth } from "./store-health.ts";

let database: Database | null = null;

/** Connects and asks one question. Throws `configuration` or `unavailable` in one sentence. */
export async function open(options: StoreOptions): Promise<void> {
  assert(database === null, "the store is opened once");
  database = await openDatabase(options);
}

/** Lets running queries end, then closes. */
export async function close(): Promise<void> {
  const closing = database;
  database = null;
  await closing?.close();
}

export function sql(): Pool {
  return opened().sql;
}

export function isEmbedded(): boolean {
  return opened().isEmbedded;
}

/** The schema that holds this node's tables. */
export function schema(): string {
  return opened().schema;
}

/** Whether it can be used, and a way to wait until it can. */
export function health(): StoreHealth {
  return opened().health;
}

/** Resolves when the database answers; throws `unavailable` when it doesn't. */
export async function ping(): Promise<void> {
  await opened().ping();
}

function opened(): Database {
  assert(database !== null, "the store is open");
  return database;
}
