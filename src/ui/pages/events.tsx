import { useMemo, useState } from "preact/hooks";
import { contact } from "../net/contact.ts";
import { events, type NodeEvent } from "../net/live.ts";
import { isSignedIn } from "../net/session.ts";
import { Card, Empty } from "../parts/card.tsx";
import { EventList } from "../parts/event-list.tsx";
import { Icon } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { SearchBox } from "../parts/search-box.tsx";
import { eventGroup, eventSentence } from "../words/events.ts";
import { grouped } from "../words/numbers.ts";

const groups = [
  { value: "peer", label: "Peers" },
  { value: "source", label: "Sources" },
  { value: "subscription", label: "Replication" },
  { value: "register", label: "Dockets" },
] as const;

const shownMax = 200;

/** What happens, as it happens. */
export function EventsPage() {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [search, setSearch] = useState("");
  const [frozen, setFrozen] = useState<readonly NodeEvent[] | null>(null);
  const all = frozen ?? events.value;
  const rows = useMemo(() => matching(all, { hidden, search }), [all, hidden, search]);
  const missed = frozen === null ? 0 : countSince(events.value, frozen[0]);
  const toggle = (group: string) => {
    const next = new Set(hidden);
    if (!next.delete(group)) next.add(group);
    setHidden(next);
  };
  return (
    <>
      <PageHead
        name="Events"
        title="Events"
        note={
          <span>
            {contact.value === "live"
              ? "As they happen"
              : "The stream is not open; it is tried again every 2 s"}
            {isSignedIn.value ? "" : ". Without a token only those of public registers are told"}
          </span>
        }
        actions={
          <button
            type="button"
            class="button"
            aria-pressed={frozen !== null}
            onClick={() => setFrozen(frozen === null ? events.value : null)}
          >
            <Icon name={frozen === null ? "pause" : "play"} size={16} />
            {frozen === null ? "Pause" : `Resume${missed > 0 ? `, ${grouped(missed)} new` : ""}`}
          </button>
        }
      />
      <div class="toolbar">
        <SearchBox label="Search in events" value={search} onInput={setSearch} />
        <fieldset class="tabs">
          <legend class="sr-only">Kinds of events</legend>
          {groups.map(({ value, label }) => (
            <button
              key={value}
              type="button"
              aria-pressed={!hidden.has(value)}
              onClick={() => toggle(value)}
            >
              {label}
            </button>
          ))}
        </fieldset>
        <span class="muted small toolbar-count">{grouped(rows.length)} shown</span>
      </div>
      <Shown rows={rows} isEmpty={all.length === 0} />
    </>
  );
}

function Shown(props: { rows: readonly NodeEvent[]; isEmpty: boolean }) {
  const { rows, isEmpty } = props;
  return (
    <Card title={<span class="sr-only">Events</span>} isFlush class="headless">
      {rows.length === 0 ? (
        <Empty icon="events" title={isEmpty ? "Nothing happened yet." : "No event matches."}>
          {isEmpty
            ? "Import a record at an origin, or subscribe to a register, and see it come in here."
            : "Clear the search or choose more kinds."}
        </Empty>
      ) : (
        <EventList events={rows.slice(0, shownMax)} />
      )}
    </Card>
  );
}

function matching(
  all: readonly NodeEvent[],
  wanted: { hidden: ReadonlySet<string>; search: string },
): NodeEvent[] {
  const text = wanted.search.trim().toLowerCase();
  return all.filter((event) => {
    if (wanted.hidden.has(eventGroup(event.type))) return false;
    if (text === "") return true;
    const words = [event.type, eventSentence(event), event.peerId, event.registerId];
    return words.some((word) => word?.toLowerCase().includes(text));
  });
}

function countSince(all: readonly NodeEvent[], newest: NodeEvent | undefined): number {
  const at = newest === undefined ? -1 : all.indexOf(newest);
  return at < 0 ? all.length : at;
}
