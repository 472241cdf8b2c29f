import type { JournalEntry } from "../peers/journal.ts";
import { appendEvents, type NodeEvent, trimEvents } from "../registers/events-table.ts";
import { limits } from "../runtime/limits.ts";
import { sql } from "../store/sql.ts";

/** Stores entries of the peers' journal in the node's one bounded event log. */
export async function storePeerEvents(entries: readonly JournalEntry[]): Promise<void> {
  await appendEvents(sql(), entries.map(eventOf));
  await trimEvents(sql(), limits.storedEvents);
}

function eventOf(entry: JournalEntry): NodeEvent {
  const { peerId, type, message, atMs, lastAtMs, count, untilMs, facts } = entry;
  const points = { pointsBefore: entry.pointsBefore, pointsAfter: entry.pointsAfter };
  return {
    registerId: null,
    peerId,
    type,
    message,
    atMs: Math.round(atMs),
    facts: { ...facts, ...points, count, lastAtMs: Math.round(lastAtMs), untilMs },
  };
}
