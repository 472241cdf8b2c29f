/** Why a peer stands as it does: one thing that happened, or many alike in a row. */
export interface JournalEntry {
  peerId: string;
  /** A stable name, such as `peer.failed`. */
  type: string;
  /** One sentence. */
  message: string;
  /** Unix ms of the first and the last of them. */
  atMs: number;
  lastAtMs: number;
  count: number;
  /** 0–100, before the first and after the last. */
  pointsBefore: number;
  pointsAfter: number;
  /** When what happened ends by itself; null: it does not. */
  untilMs: number | null;
  facts: Record<string, unknown>;
}

/**
 * The last things that happened to each peer. Alike in a row are one entry with a count, so that a
 * year of heartbeats is one line. Bounded a peer; what is complete is handed out for storing.
 */
export class Journal {
  readonly #entries = new Map<string, JournalEntry[]>();
  readonly #unstored = new Set<JournalEntry>();

  constructor(
    private readonly options: { countMax: number; nowMs: () => number } = {
      countMax: 50,
      nowMs: () => 0,
    },
  ) {}

  note(happened: {
    peerId: string;
    type: string;
    message: string;
    pointsBefore: number;
    pointsAfter: number;
    untilMs?: number;
    facts?: Record<string, unknown>;
  }): void {
    const atMs = this.options.nowMs();
    const entries = this.#entries.get(happened.peerId) ?? [];
    this.#entries.set(happened.peerId, entries);
    const last = entries.at(-1);
    if (last !== undefined && isAlike(last, happened)) {
      last.count += 1;
      last.lastAtMs = atMs;
      last.pointsAfter = happened.pointsAfter;
      return;
    }
    const { untilMs = null, facts = {}, ...rest } = happened;
    const entry = { ...rest, untilMs, facts, atMs, lastAtMs: atMs, count: 1 };
    entries.push(entry);
    this.#unstored.add(entry);
    for (const dropped of entries.splice(0, entries.length - this.options.countMax)) {
      this.#unstored.delete(dropped);
    }
  }

  /** Oldest first. */
  of(peerId: string): readonly JournalEntry[] {
    return this.#entries.get(peerId) ?? [];
  }

  /**
   * Entries to store, each given out once: those that something else followed, and with `all` the
   * ones that may still grow too. What grows afterwards begins a new entry.
   */
  takeComplete(options: { all: boolean }): JournalEntry[] {
    const taken = [...this.#unstored].filter((entry) => {
      const isLast = this.#entries.get(entry.peerId)?.at(-1) === entry;
      return options.all || !isLast || !isMinor(entry.type);
    });
    for (const entry of taken) this.#unstored.delete(entry);
    return taken;
  }

  /** True for what was not stored yet, so that it is not listed twice. */
  isUnstored(entry: JournalEntry): boolean {
    return this.#unstored.has(entry);
  }

  forget(peerId: string): void {
    for (const entry of this.#entries.get(peerId) ?? []) this.#unstored.delete(entry);
    this.#entries.delete(peerId);
  }
}

/** Things that come by the thousand wait until they are over. */
function isMinor(type: string): boolean {
  return type === "peer.answered" || type === "peer.failed";
}

function isAlike(last: JournalEntry, next: { type: string; message: string }): boolean {
  return isMinor(last.type) && last.type === next.type && last.message === next.message;
}
