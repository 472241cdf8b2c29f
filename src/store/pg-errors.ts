import { PeerError } from "../base/error.ts";

/**
 * What a database's error means to the rest of the program. SQLSTATEs and socket codes are known
 * here only. Errors that aren't the database's come out as they went in.
 */
export function toStoreError(thrown: unknown): unknown {
  if (thrown instanceof PeerError || !(thrown instanceof Error)) return thrown;
  const code = (thrown as Error & { code?: unknown }).code;
  if (typeof code !== "string") return thrown;
  const meaning = meanings[code] ?? meanings[code.slice(0, 2)];
  if (meaning === undefined) return isSqlState(thrown) ? defect(thrown, code) : thrown;
  const [kind, name, message] = meaning;
  return new PeerError(kind, name, { message, facts: { databaseCode: code }, cause: thrown });
}

/** Runs the work; an error of the database leaves it translated. */
export async function translateErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw toStoreError(thrown);
  }
}

type Meaning = readonly [kind: "configuration" | "unavailable", code: string, message: string];

const unreachable: Meaning = [
  "unavailable",
  "database-unreachable",
  "The database can't be reached",
];
const busy: Meaning = ["unavailable", "database-busy", "The database is busy; try again"];
const full: Meaning = [
  "unavailable",
  "database-full",
  "The database has run out of disk or memory",
];
const refused: Meaning = [
  "configuration",
  "database-refused",
  "The database refuses the user or the password of the connection setting",
];

/** By SQLSTATE, its class, or the code of a socket error. */
const meanings: Record<string, Meaning> = {
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  ENOENT: unreachable,
  EPIPE: unreachable,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  CONNECT_TIMEOUT: unreachable,
  CONNECTION_CLOSED: unreachable,
  CONNECTION_DESTROYED: unreachable,
  CONNECTION_ENDED: unreachable,
  ERR_SOCKET_CLOSED: unreachable,
  "08": unreachable,
  // Shut down by an administrator, crashed, or still starting.
  "57P01": unreachable,
  "57P02": unreachable,
  "57P03": unreachable,
  "40": busy,
  "55P03": busy,
  "57014": busy,
  "53300": ["unavailable", "database-connections", "The database takes no more connections"],
  "53": full,
  // The machine under the database fails: its disk, mostly.
  "58": full,
  "28": refused,
  "3D000": [
    "configuration",
    "database-missing",
    "The database of the connection setting doesn't exist",
  ],
  "42501": [
    "configuration",
    "database-forbidden",
    "The database user may not create or use the tables in this schema",
  ],
  "25006": ["unavailable", "database-read-only", "The database is read-only"],
};

function isSqlState(error: Error): boolean {
  return error.name === "PostgresError";
}

function defect(error: Error, code: string): PeerError {
  return new PeerError("internal", "database-error", {
    message: "The database refused a statement of this node",
    facts: { databaseCode: code },
    cause: error,
  });
}
