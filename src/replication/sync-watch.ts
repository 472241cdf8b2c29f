import type { Clock } from "../runtime/clock.ts";
import {
  type Amounts,
  failedOver,
  type SyncType,
  syncBrought,
  syncLevel,
} from "../telemetry/recording.ts";
import { beginSpan, type Span } from "../telemetry/tracer.ts";

type Arrived = { nextNumber: number; docketCount: number; sourcePeerId: string };

/** How a run ended, as far as it matters here. */
type SyncEnd = { kind: string; error?: unknown };

/** A run that is not level yet; afterwards each page is news, measured by itself. */
interface Sync {
  type: SyncType;
  span: Span;
  startedMs: number;
  dockets: number;
}

/**
 * What is measured of one register's loop: each sync as a span from the first question until the
 * copy is level with its source, then each page of news as one of its own, and the changes of
 * source. It only looks on.
 */
export class SyncWatch {
  #sync: Sync | null = null;
  /** News on its way, by number of its first docket. */
  readonly #news = new Map<number, Span>();
  #left: { peerId: string; reason: string; atMs: number } | null = null;

  constructor(private readonly options: { registerId: string; clock: Clock }) {}

  /** Runs the work as one sync from `nextNumber` on. */
  async within<End extends SyncEnd>(
    from: { nextNumber: number; peerId: string },
    work: () => Promise<End>,
  ): Promise<End> {
    const type = from.nextNumber === 0 ? "full" : "incremental";
    const facts = {
      "register.id": this.options.registerId,
      "peer.id": from.peerId,
      sync_type: type,
      last_known_version: from.nextNumber - 1,
    };
    const span = beginSpan(`peer.sync.${type}`, { side: "client", facts });
    const startedMs = this.options.clock.monotonicMs();
    this.#sync = { type, span, startedMs, dockets: 0 };
    this.#news.clear();
    const end = await span.within(work);
    if (end.kind === "done") this.level();
    this.#end("error" in end ? end.error : undefined);
    return end;
  }

  /** The same check, which sees pages as they come. */
  over<Page extends Arrived, Given, Result>(
    check: (page: Page, given: Given) => Promise<Result>,
  ): (page: Page, given: Given) => Promise<Result> {
    return (page, given) => {
      this.#arrived(page);
      return check(page, given);
    };
  }

  /** A page came; when nothing was missing before it, it is news. */
  #arrived(page: Arrived): void {
    if (this.#sync !== null || page.docketCount === 0) return;
    const facts = {
      "register.id": this.options.registerId,
      "peer.id": page.sourcePeerId,
      version: page.nextNumber,
    };
    const about = { side: "server", facts, isRoot: true } as const;
    this.#news.set(page.nextNumber, beginSpan("peer.notification.receive", about));
  }

  /** Dockets are stored, the first of them `firstNumber`. */
  stored(firstNumber: number, amounts: Amounts): void {
    this.#news.get(firstNumber)?.end();
    this.#news.delete(firstNumber);
    syncBrought(this.#sync?.type ?? "incremental", amounts.dockets);
    if (this.#sync !== null) this.#sync.dockets += amounts.dockets;
  }

  /** The copy has all that its source has. */
  level(): void {
    const sync = this.#sync;
    if (sync === null) return;
    syncLevel(sync.type, (this.options.clock.monotonicMs() - sync.startedMs) / 1_000);
    this.#end();
  }

  /** The source that was asked is left for a reason that is not our own. */
  left(peerId: string, reason: string): void {
    this.#left = { peerId, reason, atMs: this.options.clock.nowMs() };
  }

  /** The source that is asked now. */
  chose(peerId: string): void {
    const left = this.#left;
    this.#left = null;
    if (left === null || left.peerId === peerId) return;
    failedOver(left.reason);
    const { registerId } = this.options;
    const facts = { from_node: left.peerId, to_node: peerId, reason: left.reason };
    beginSpan("peer.connection.failover", {
      side: "client",
      facts: { ...facts, "register.id": registerId },
      startedAtMs: left.atMs,
    }).end();
  }

  #end(error?: unknown): void {
    const sync = this.#sync;
    this.#sync = null;
    if (sync === null) return;
    sync.span.note({ blueprint_count: sync.dockets });
    sync.span.end(error);
  }
}
