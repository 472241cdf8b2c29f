import { messageOf } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import type { Log } from "../runtime/log.ts";
import type { Sql } from "../store/database.ts";
import { translateErrors } from "../store/pg-errors.ts";
import { sql } from "../store/sql.ts";
import type { Book } from "./book.ts";
import type { JournalEntry } from "./journal.ts";
import { deletePeers, savePeers } from "./peers-table.ts";

/** Of writes, each so many one with all that only moved, such as scores. */
const savesForAll = 12;

/**
 * Stores what changed in the book, in few statements. One write at a time: an older one that came
 * last would take back a ban. What could not be stored is stored with the next.
 */
export class Saving {
  readonly #turns = new Mutex();
  #saves = 0;

  constructor(
    private readonly options: {
      book: Book;
      log: Log;
      /** Keeps what happened to peers, for those who ask why. */
      storeEvents: (entries: readonly JournalEntry[]) => Promise<void>;
    },
  ) {}

  /** `all`: also what may wait. */
  save(options: { all?: boolean } = {}): Promise<void> {
    return this.#turns.run(() => this.#save(options));
  }

  /**
   * An operator's order: `write` stores what will be, and only then `change` makes it so. Throws
   * what the store throws, with nothing done.
   */
  carryOut<T>(write: (sql: Sql) => Promise<void>, change: () => T): Promise<T> {
    return this.#turns.run(async () => {
      await translateErrors(() => write(sql()));
      return change();
    });
  }

  async #save(options: { all?: boolean }): Promise<void> {
    const { book, log, storeEvents } = this.options;
    this.#saves += 1;
    const all = options.all ?? this.#saves % savesForAll === 0;
    const { changed, forgotten } = book.takeDirty({ all });
    try {
      await deletePeers(sql(), forgotten);
      await savePeers(sql(), changed);
    } catch (error) {
      book.putBack({ changed, forgotten });
      log.warn({ err: messageOf(error), peers: changed.length }, "The address book was not stored");
      return;
    }
    const entries = book.journal.takeComplete({ all: options.all ?? false });
    if (entries.length === 0) return;
    await storeEvents(entries).catch((error) =>
      log.warn({ err: messageOf(error), entries: entries.length }, "Events were not stored"),
    );
  }
}
