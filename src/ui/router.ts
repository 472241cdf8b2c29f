/** Owns where the page is: the part of the address after `#`, so that every view can be linked. */
import { signal } from "@preact/signals";

export interface Place {
  /** Decoded steps: `["registers", "abc", "dockets", "12"]`. */
  steps: readonly string[];
  query: URLSearchParams;
}

export const place = signal<Place>(readPlace());

/** Runs as long as the page is there. */
export function startRouter(): void {
  place.value = readPlace();
  window.addEventListener("hashchange", () => {
    place.value = readPlace();
    window.scrollTo({ top: 0 });
  });
}

/** An address within the page; steps may be any text. */
export function hrefOf(steps: readonly (string | number)[], query: Record<string, string> = {}) {
  const path = steps.map((step) => encodeURIComponent(String(step).toWellFormed())).join("/");
  const text = new URLSearchParams(query).toString();
  return `#/${path}${text === "" ? "" : `?${text}`}`;
}

export function goTo(href: string): void {
  location.hash = href;
}

/** The address changes, the history keeps one entry: for filters and searches. */
export function replaceQuery(query: Record<string, string>): void {
  const kept = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
  history.replaceState(null, "", hrefOf(place.value.steps, kept));
  place.value = readPlace();
}

function readPlace(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const steps = path.split("/").filter((step) => step !== "");
  return { steps: steps.map(decoded), query: new URLSearchParams(query) };
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
