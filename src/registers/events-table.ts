import type { Sql } from "../store/database.ts";

/** Something that an operator may want to know. Never holds tokens, keys or payloads. */
export interface NodeEvent {
  atMs: number;
  /** A stable name, such as `register.refused`. */
  type: string;
  registerId: string | null;
  peerId: string | null;
  /** One sentence. */
  message: string;
  facts: Record<string, unknown>;
}

export interface StoredEvent extends NodeEvent {
  /** Ascends with time. */
  eventId: number;
}

/** Stores the event and gives its id. */
export async function appendEvent(sql: Sql, event: NodeEvent): Promise<number> {
  const [row] = await sql<{ eventId: number }[]>`
    INSERT INTO events (register_id, at_ms, type, peer_id, message, facts)
    VALUES (
      ${event.registerId ?? ""}, ${event.atMs}, ${event.type}, ${event.peerId}, ${event.message},
      ${JSON.stringify(event.facts)}::text::jsonb
    ) RETURNING event_id AS "eventId"`;
  return (row as { eventId: number }).eventId;
}

/** Stores them in one statement, in the order given. */
export async function appendEvents(sql: Sql, events: readonly NodeEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => ({
    register_id: event.registerId ?? "",
    at_ms: event.atMs,
    type: event.type,
    peer_id: event.peerId,
    message: event.message,
    facts: event.facts as never,
  }));
  await sql`INSERT INTO events ${sql(rows)}`;
}

export interface WantedEvents {
  /** With an id above that, and below this. */
  after?: number;
  before?: number;
  registerId?: string;
  peerId?: string;
  /** `peer.*` is every type that begins so; none: all. */
  types?: readonly string[];
  /** Somewhere in what is shown of it, in whatever case. */
  search?: string;
  countMax: number;
}

/** The newest `countMax` that fit, oldest first. */
export async function listEvents(sql: Sql, wanted: WantedEvents): Promise<StoredEvent[]> {
  const { registerId, peerId } = wanted;
  const types = (wanted.types ?? []).map((type) => type.replaceAll("*", "%"));
  const search = wanted.search?.toLowerCase() ?? "";
  const rows = await sql<StoredEvent[]>`
    SELECT event_id AS "eventId", at_ms AS "atMs", type,
      nullif(register_id, '') AS "registerId", peer_id AS "peerId", message, facts
    FROM events
    WHERE event_id > ${wanted.after ?? 0}
      ${wanted.before === undefined ? sql`` : sql`AND event_id < ${wanted.before}`}
      ${registerId === undefined ? sql`` : sql`AND register_id = ${registerId}`}
      ${peerId === undefined ? sql`` : sql`AND peer_id = ${peerId}`}
      ${types.length === 0 ? sql`` : sql`AND type LIKE ANY(${sql.array(types)})`}
      ${search === "" ? sql`` : sql`AND position(${search} in lower(${shownText(sql)})) > 0`}
    ORDER BY event_id DESC LIMIT ${wanted.countMax}`;
  return [...rows].reverse();
}

function shownText(sql: Sql) {
  return sql`concat_ws(' ', type, message, peer_id, register_id)`;
}

/**
 * Deletes what is older than `beforeMs` and all but the newest `keep`. Of what comes by the
 * thousand, such as answers and failures of peers, `keepMinor` stay, so that it can't drive out
 * a ban.
 */
export async function trimEvents(
  sql: Sql,
  bounds: { keep: number; keepMinor: number; beforeMs: number },
): Promise<void> {
  await sql`
    DELETE FROM events WHERE at_ms < ${bounds.beforeMs}
      OR event_id <= (
        SELECT event_id FROM events ORDER BY event_id DESC OFFSET ${bounds.keep} LIMIT 1
      )
      OR type IN ${sql(minorTypes)} AND event_id <= (
        SELECT event_id FROM events WHERE type IN ${sql(minorTypes)}
        ORDER BY event_id DESC OFFSET ${bounds.keepMinor} LIMIT 1
      )`;
}

const minorTypes = [
  "caller.refused",
  "peer.answered",
  "peer.failed",
  "source.failed",
  "source.declined",
];
