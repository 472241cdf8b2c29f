import { signal } from "@preact/signals";
import { CallError, call } from "./call.ts";
import type { NodeEvent } from "./live.ts";

export interface PastState {
  /** The newest first. */
  events: readonly NodeEvent[];
  hasMore: boolean;
  isBusy: boolean;
  error: string | null;
}

const pageRows = 100;

/** What the node has kept of what happened, page by page further back, for one set of filters. */
export class PastEvents {
  readonly state = signal<PastState>({ events: [], hasMore: true, isBusy: false, error: null });
  #before: number | undefined;

  constructor(private readonly wanted: { type: string; search: string }) {}

  async goBack(): Promise<void> {
    if (this.state.value.isBusy || !this.state.value.hasMore) return;
    this.#change({ isBusy: true, error: null });
    try {
      const { events, next } = await call("pastEvents", { query: this.#query() });
      this.#before = next ?? undefined;
      const older = events.map(({ eventId, code, expiresAt, facts, ...event }) => ({
        ...event,
        id: String(eventId),
        facts: { ...facts, code, expiresAt },
      }));
      this.#change({
        events: [...this.state.value.events, ...older],
        hasMore: next !== null,
        isBusy: false,
      });
    } catch (thrown) {
      const error = thrown instanceof CallError ? thrown.message : String(thrown);
      this.#change({ isBusy: false, error });
    }
  }

  #query() {
    const { type, search } = this.wanted;
    return {
      limit: pageRows,
      before: this.#before,
      ...(type === "" ? {} : { type }),
      ...(search === "" ? {} : { search }),
    };
  }

  #change(change: Partial<PastState>): void {
    this.state.value = { ...this.state.value, ...change };
  }
}

/** Those that came live and those of the store as one list, none of them twice. */
export function joined(
  live: readonly NodeEvent[],
  past: readonly NodeEvent[],
): readonly NodeEvent[] {
  const stored = new Set(past.map((event) => event.id));
  const fresh = live.filter((event) => !isStoredType(event.type) || !stored.has(storedId(event)));
  return [...fresh, ...past].toSorted((left, right) => Date.parse(right.at) - Date.parse(left.at));
}

/** Heads and progress are told as they come, and kept by nobody. */
function isStoredType(type: string): boolean {
  return type !== "register.head" && type !== "subscription.changed";
}

/** A live event's id is `run.seq.storedId`. */
function storedId({ id }: NodeEvent): string {
  return id.split(".")[2] ?? "";
}
