/**
 * Owns what is known of the line to the node: when it last answered, and whether it does. Told by
 * every call and by the stream of events; read by the banner.
 */
import { signal } from "@preact/signals";
import { systemClock } from "../../runtime/clock.ts";

/** live: events stream in · polling: the node answers, without a stream · away: it does not. */
export type Contact = "connecting" | "live" | "polling" | "away";

export const contact = signal<Contact>("connecting");
/** Since when what is shown is no longer of now; null: it is. */
export const staleSinceMs = signal<number | null>(null);

let lastAnswerMs = systemClock.nowMs();
let isStreaming = false;

export function noteContact(): void {
  lastAnswerMs = systemClock.nowMs();
  staleSinceMs.value = null;
  contact.value = isStreaming ? "live" : "polling";
}

export function noteSilence(): void {
  staleSinceMs.value ??= lastAnswerMs;
  contact.value = "away";
}

export function noteStream(isOpen: boolean): void {
  isStreaming = isOpen;
  if (isOpen) noteContact();
  else if (contact.value === "live") contact.value = "polling";
}
