import type { NodeEvent } from "../net/live.ts";
import { hrefOf } from "../router.ts";
import { eventSentence, eventTone } from "../words/events.ts";
import { timeText } from "../words/numbers.ts";
import { Dot } from "./badge.tsx";
import { Foreign, Id } from "./foreign.tsx";
import { nowMs } from "./now.ts";

/** Events with the newest on top: when, what, about whom. */
export function EventList(props: { events: readonly NodeEvent[] }) {
  return (
    <ul class="event-list">
      {props.events.map((event) => (
        <li key={`${event.id} ${event.type} ${event.at}`} class="event">
          <time class="muted" dateTime={event.at}>
            {timeText(event.at, nowMs.value)}
          </time>
          <span class="event-type">
            <Dot tone={eventTone(event.type)} />
            <Foreign text={event.type} max={40} />
          </span>
          <span class="event-text">
            <Foreign text={eventSentence(event)} max={300} />
          </span>
          <span class="event-about">
            {event.peerId === null ? null : (
              <a href={hrefOf(["peers", event.peerId])}>
                <Foreign text={event.peerId} max={24} />
              </a>
            )}
            {event.registerId === null ? null : (
              <a href={hrefOf(["registers", event.registerId])}>
                <Id id={event.registerId} max={12} />
              </a>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
