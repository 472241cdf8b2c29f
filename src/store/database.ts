import postgres from "postgres";
import { assert } from "../base/assert.ts";
import { PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { startEmbedded } from "./embedded.ts";
import { startUpkeep } from "./embedded-upkeep.ts";
import { toStoreError } from "./pg-errors.ts";
import { StoreHealth } from "./store-health.ts";
import { probeAnew, probeSession } from "./store-probe.ts";

/** Wait for running queries at `close`; after that their connections are cut. */
const closeSeconds = 5;

/*
 * The driver is used with patches/postgres@3.4.9.patch. Without it, a connection that breaks inside
 * a transaction ends the process by an error that nobody can catch, or leaves a connection that
 * never works again; a server that ends each connection politely is called without pause, and
 * nobody is told; and what the transaction does after that runs on the next connection, outside
 * of any transaction or inside another one. tests/store/sql.test.ts cuts connections to show it.
 */
export type Numbers = { bigint: number };
/** The pool. Each query may run on another connection. */
export type Pool = postgres.Sql<Numbers>;
/** One connection inside a transaction. */
export type Transaction = postgres.TransactionSql<Numbers>;
/** Whatever can run a query: what the `*-table.ts` functions take. */
export type Sql = Pool | Transaction;
/** A part of a statement. Never returned by an async function, which would run it. */
export type Fragment = postgres.Fragment;

export interface StoreOptions {
  /** PostgreSQL URL; without it the embedded database in `dataDir` is started. */
  connection?: string | undefined;
  schema: string;
  poolSize: number;
  dataDir: string;
  /** Entry file of the embedded database's thread; null only where `connection` is set. */
  embeddedThreadUrl: URL | null;
}

export interface Database {
  readonly sql: Pool;
  health: StoreHealth;
  schema: string;
  isEmbedded: boolean;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects and asks one question. Throws `configuration` or `unavailable` in one sentence. */
export async function openDatabase(options: StoreOptions): Promise<Database> {
  const database =
    options.connection === undefined ? await openEmbedded(options) : toServer(options);
  try {
    await database.ping();
    database.health.start();
    return database;
  } catch (thrown) {
    await database.close();
    throw named(thrown, options.connection);
  }
}

/** The pool is made anew where its connections are of no use any more. */
function toServer(options: StoreOptions): Database {
  const url = options.connection as string;
  // The statements here are short: compiling one costs more than running it.
  const session = {
    application_name: "sorcha-peer",
    search_path: options.schema,
    jit: "off",
  } as const;
  const makePool = (max: number, note: (error: unknown) => void) =>
    connect(url, { max, connection: session, note });
  const makeMain = () => makePool(options.poolSize, (error) => health.note(error));
  const health = new StoreHealth({
    ask: async () => void (await pool`SELECT 1`),
    probe: (signal) => probeAnew(() => makePool(1, () => undefined), signal),
    renew: () => {
      const old = pool;
      pool = makeMain();
      void old.end({ timeout: 0 });
    },
    clock: systemClock,
  });
  let pool = makeMain();
  return databaseOn(() => pool, { health, schema: options.schema, isEmbedded: false });
}

/** One connection: the embedded database is one session, and takes one transaction at a time. */
async function openEmbedded(options: StoreOptions): Promise<Database> {
  assert(options.embeddedThreadUrl !== null, "the embedded database has a thread to run in");
  const embedded = await startEmbedded({
    dataDir: options.dataDir,
    schema: options.schema,
    threadUrl: options.embeddedThreadUrl,
  });
  const pool = connect("postgres://postgres@embedded/postgres", {
    max: 1,
    max_lifetime: null,
    keep_alive: null,
    socket: () => embedded.connect(),
    note: (error) => health.note(error),
  });
  const health = new StoreHealth({
    ask: async () => void (await pool`SELECT 1`),
    probe: () => probeSession(pool),
    renew: () => undefined,
    clock: systemClock,
  });
  const upkeep = startUpkeep(pool, options.schema);
  return databaseOn(() => pool, {
    health,
    schema: options.schema,
    isEmbedded: true,
    onClosing: () => upkeep.stop(),
    onClosed: () => embedded.close(),
  });
}

function databaseOn(
  pool: () => Pool,
  options: {
    health: StoreHealth;
    schema: string;
    isEmbedded: boolean;
    onClosing?: () => Promise<void>;
    onClosed?: () => Promise<void>;
  },
): Database {
  return {
    get sql() {
      return pool();
    },
    health: options.health,
    schema: options.schema,
    isEmbedded: options.isEmbedded,
    ping: async () => {
      await pool()`SELECT 1`;
    },
    close: async () => {
      await options.health.stop();
      await options.onClosing?.();
      await pool().end({ timeout: closeSeconds });
      await options.onClosed?.();
    },
  };
}

function connect(url: string, { note, ...options }: ConnectOptions): Pool {
  try {
    return translated(
      postgres(url, {
        connect_timeout: 5,
        // Seconds until a connection that failed is tried again, when somebody wants it.
        backoff: (failures: number) => Math.min(0.05 * 2 ** failures, 1),
        onnotice: () => {},
        types: { bigint: safeInteger },
        ...options,
      }),
      note,
    );
  } catch (thrown) {
    throw new PeerError("configuration", "bad-database-url", {
      message: "The database connection setting is not a PostgreSQL URL",
      cause: thrown,
    });
  }
}

/** The driver's own, and a hook of it that its types leave out. */
type ConnectOptions = Omit<postgres.Options<Record<string, never>>, "types"> & {
  socket?: () => unknown;
  /** Told of every error of a query. */
  note: (error: unknown) => void;
};

/** int8 as a number; one that a number can't hold is a broken promise, not a rounded value. */
const safeInteger = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => {
    const value = Number(text);
    assert(Number.isSafeInteger(value), "an integer of the database is a safe integer");
    return value;
  },
};

/** The pool, whose queries fail with this program's errors instead of the driver's. */
function translated(pool: Pool, note: (error: unknown) => void): Pool {
  return new Proxy(pool, {
    apply: (target, self, parameters) => {
      const query = Reflect.apply(target, self, parameters) as {
        reject?: (error: unknown) => void;
      };
      const reject = query.reject;
      if (reject !== undefined) {
        query.reject = (thrown) => {
          const error = toStoreError(thrown);
          note(error);
          reject(error);
        };
      }
      return query;
    },
  });
}

/** The error, its sentence saying which server it is about; never with the password. */
function named(thrown: unknown, connection: string | undefined): unknown {
  if (!(thrown instanceof PeerError) || connection === undefined) return thrown;
  const { host, pathname } = new URL(connection);
  return new PeerError(thrown.kind, thrown.code, {
    message: `${thrown.message} (${host || "localhost"}${pathname})`,
    facts: thrown.facts,
    cause: thrown.cause,
  });
}
