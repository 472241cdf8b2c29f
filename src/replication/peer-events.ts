import { messageOf } from "../base/error.ts";
import type { JournalEntry } from "../peers/journal.ts";
import { appendEvents, type NodeEvent } from "../registers/events-table.ts";
import { systemClock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";

/** Stores entries of the peers' journal in the node's one bounded event log. */
export async function storePeerEvents(entries: readonly JournalEntry[]): Promise<void> {
  await appendEvents(sql(), entries.map(eventOf));
}

/** Keeps what happened for the operator. Not worth waiting for, nor failing over. */
export function keepNodeEvent(event: {
  type: string;
  message: string;
  peerId?: string | null;
  facts: Record<string, unknown>;
}): void {
  const about = { registerId: null, peerId: event.peerId ?? null, atMs: systemClock.nowMs() };
  appendEvents(sql(), [{ ...event, ...about }]).catch((error) => {
    log.debug({ err: messageOf(error) }, "Event not stored");
  });
}

const log = logFor("replication");

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
