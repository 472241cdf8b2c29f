import { useEffect, useMemo, useState } from "preact/hooks";
import { systemClock } from "../../runtime/clock.ts";
import { contact } from "../net/contact.ts";
import { events, type NodeEvent } from "../net/live.ts";
import { joined, PastEvents } from "../net/past-events.ts";
import { isSignedIn, token } from "../net/session.ts";
import { Card, Empty, Fault } from "../parts/card.tsx";
import { EventList } from "../parts/event-list.tsx";
import { Icon } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { SearchBox } from "../parts/search-box.tsx";
import { eventGroup, eventGroups, eventSentence } from "../words/events.ts";
import { grouped, plural } from "../words/numbers.ts";

/** What happens, as it happens, and what happened before. */
export function EventsPage() {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [search, setSearch] = useState("");
  const [frozen, setFrozen] = useState<readonly NodeEvent[] | null>(null);
  const past = usePast(hidden, search);
  const older = past.state.value;
  const live = frozen ?? events.value;
  const rows = useMemo(
    () => joined(matching(live, { hidden, search }), older.events),
    [live, hidden, search, older.events],
  );
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
        note={<Note />}
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
        <fieldset class="tabs chips">
          <legend class="sr-only">Kinds of events</legend>
          {eventGroups.map(({ value, label }) => (
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
      <Shown rows={rows} isFiltered={search !== "" || hidden.size > 0} past={past} />
    </>
  );
}

function Note() {
  return (
    <span>
      {contact.value === "live"
        ? "As they happen"
        : "The stream is not open; it is tried again every 2 s"}
      {isSignedIn.value
        ? ", and the last 10,000 that the node has kept"
        : ". Without a token only those of public registers are told, and none of the past"}
    </span>
  );
}

const typingMs = 300;

/** What is stored, asked for anew when the filters change, and not at every letter. */
function usePast(hidden: ReadonlySet<string>, search: string): PastEvents {
  const [typed, setTyped] = useState(search);
  useEffect(() => {
    const waiting = new AbortController();
    void systemClock.sleep(typingMs, waiting.signal).then(
      () => setTyped(search.trim()),
      () => undefined,
    );
    return () => waiting.abort();
  }, [search]);
  const shown = eventGroups.filter((group) => !hidden.has(group.value));
  const isAll = shown.length === eventGroups.length;
  const type = isAll ? "" : shown.flatMap((group) => group.types).join(",");
  // A new token sees what the old one may not have seen.
  const past = useMemo(
    () => new PastEvents({ type: type === "" && !isAll ? "none" : type, search: typed }),
    [type, isAll, typed, token.value],
  );
  useEffect(() => {
    if (isSignedIn.value) void past.goBack();
  }, [past]);
  return past;
}

function Shown(props: { rows: readonly NodeEvent[]; isFiltered: boolean; past: PastEvents }) {
  const { rows, isFiltered, past } = props;
  const { hasMore, isBusy, error } = past.state.value;
  const canGoBack = isSignedIn.value && hasMore;
  return (
    <Card title={<span class="sr-only">Events</span>} isFlush class="headless">
      {rows.length === 0 && !isBusy && error === null ? (
        <Empty icon="events" title={isFiltered ? "No event matches." : "Nothing happened yet."}>
          {isFiltered
            ? "Clear the search or choose more kinds."
            : "Import a record at an origin, or subscribe to a register, and see it come in here."}
        </Empty>
      ) : (
        <EventList events={rows} />
      )}
      {error === null ? null : <Fault message={error} />}
      {rows.length === 0 && !isBusy ? null : (
        <div class="pager">
          {canGoBack ? (
            <button
              type="button"
              class="button small"
              disabled={isBusy}
              onClick={() => void past.goBack()}
            >
              {isBusy ? "Asking …" : "Show older"}
            </button>
          ) : (
            <span class="muted small">
              {isSignedIn.value
                ? `${plural(rows.length, "event")}: the node has kept nothing older.`
                : "Older ones are for operators."}{" "}
              {isSignedIn.value ? null : <a href="#/settings">Enter a token</a>}
            </span>
          )}
        </div>
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
