import { messageOf } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { Outcome, Transaction } from "../dockets/types.ts";
import { limits } from "../runtime/limits.ts";
import { type GossipOptions, keyOf } from "./gossip.ts";

/** A body that is to be fetched; `bytes` is what its teller says. */
export interface Wanted {
  registerId: string;
  transactionId: string;
  bytes: number;
}

type ChaseOptions = Pick<
  GossipOptions,
  "clock" | "fetch" | "check" | "findSealed" | "onFault" | "onRefused" | "seen"
> & {
  /** A true body; false: there was no room for it. */
  onBody: (body: { transaction: Transaction; bytes: Uint8Array; from: string }) => boolean;
};

interface Hunt {
  wanted: Wanted;
  /** Who told of it and was not asked yet; who was asked. */
  tellers: string[];
  asked: Set<string>;
  rounds: number;
  /** looked: it is no docket's · running: it is being asked for. */
  stage: "new" | "looked" | "running";
  /** Ends all its questions: it came, or is wanted no more. */
  over: AbortController;
}

/**
 * Fetches what was told of, each body from one teller at a time. Where that one is silent for a
 * round another is asked beside it, or the same again, and the first to answer wins. Bounded: so
 * many at once, so many of one teller, so many tellers of each. Tellers take turns, and one has not
 * all the places, however long it lets us wait. What it gives up it forgets, so that the next who
 * tells of it begins anew.
 */
export class Chase {
  readonly #hunts = new Map<string, Hunt>();
  readonly #ofTeller = new Map<string, number>();
  /** By teller; one that several told of waits at each. */
  readonly #waiting = new Map<string, Hunt[]>();
  readonly #runningOf = new Map<string, number>();
  #running = 0;

  constructor(private readonly options: ChaseOptions) {}

  get count(): number {
    return this.#hunts.size;
  }

  /** Whether it is being fetched already; then this peer may be asked too. */
  noteTeller(sought: { registerId: string; transactionId: string }, peerId: string): boolean {
    const hunt = this.#hunts.get(keyOf(sought.registerId, sought.transactionId));
    if (hunt === undefined) return false;
    const isNew = !hunt.asked.has(peerId) && !hunt.tellers.includes(peerId);
    if (isNew && hunt.tellers.length < limits.gossip.tellers) {
      hunt.tellers.push(peerId);
      // It need not wait for a place of the one who told of it first.
      if (hunt.stage === "looked") {
        this.#wait(hunt, peerId);
        this.#runNext();
      }
    }
    return true;
  }

  /** Goes for these, which the peer told of; false when nothing of it was begun. */
  begin(peerId: string, wanted: readonly Wanted[]): boolean {
    const hunts: Hunt[] = [];
    for (const one of wanted) {
      const running = this.#ofTeller.get(peerId) ?? 0;
      if (this.#hunts.size >= limits.gossip.wanted) break;
      if (running >= limits.gossip.wantedOfPeer) break;
      this.#ofTeller.set(peerId, running + 1);
      const hunt: Hunt = {
        wanted: one,
        tellers: [peerId],
        asked: new Set(),
        rounds: 0,
        stage: "new",
        over: new AbortController(),
      };
      this.#hunts.set(keyOf(one.registerId, one.transactionId), hunt);
      hunt.over.signal.addEventListener("abort", () => this.#forget(hunt, peerId), { once: true });
      hunts.push(hunt);
    }
    if (hunts.length > 0) void this.#goFor(hunts);
    return hunts.length > 0;
  }

  drop(sought: { registerId: string; transactionId: string }): void {
    this.#hunts.get(keyOf(sought.registerId, sought.transactionId))?.over.abort();
  }

  stop(): void {
    for (const hunt of [...this.#hunts.values()]) hunt.over.abort();
  }

  #forget(hunt: Hunt, peerId: string): void {
    this.#hunts.delete(keyOf(hunt.wanted.registerId, hunt.wanted.transactionId));
    const left = (this.#ofTeller.get(peerId) ?? 1) - 1;
    if (left > 0) this.#ofTeller.set(peerId, left);
    else this.#ofTeller.delete(peerId);
  }

  /** All of one register: what a docket holds already is not fetched. */
  async #goFor(hunts: readonly Hunt[]): Promise<void> {
    const registerId = hunts[0]?.wanted.registerId ?? "";
    try {
      const ids = hunts.map(({ wanted }) => wanted.transactionId);
      const sealed = await this.options.findSealed(registerId, ids);
      for (const hunt of hunts) {
        if (!sealed.has(hunt.wanted.transactionId)) {
          hunt.stage = "looked";
          for (const peerId of hunt.tellers) this.#wait(hunt, peerId);
          continue;
        }
        this.options.seen.add(keyOf(registerId, hunt.wanted.transactionId));
        hunt.over.abort();
      }
      this.#runNext();
    } catch {
      // The database is away: whoever tells of it again begins anew.
      for (const hunt of hunts) hunt.over.abort();
    }
  }

  #wait(hunt: Hunt, peerId: string): void {
    const waiting = this.#waiting.get(peerId) ?? [];
    waiting.push(hunt);
    this.#waiting.set(peerId, waiting);
  }

  #runNext(): void {
    while (this.#running < limits.gossip.fetches) {
      const next = this.#next();
      if (next === null) return;
      const { hunt, peerId } = next;
      hunt.stage = "running";
      hunt.tellers = [peerId, ...hunt.tellers.filter((one) => one !== peerId)];
      this.#count(peerId, 1);
      void this.#run(hunt).finally(() => {
        this.#count(peerId, -1);
        this.#runNext();
      });
    }
  }

  /** Of the teller whose turn it is; null where nobody waits that has a place left. */
  #next(): { hunt: Hunt; peerId: string } | null {
    for (const [peerId, waiting] of [...this.#waiting]) {
      if ((this.#runningOf.get(peerId) ?? 0) >= limits.gossip.fetchesOfPeer) continue;
      const at = waiting.findIndex(({ stage, over }) => stage === "looked" && !over.signal.aborted);
      const hunt = waiting[at];
      waiting.splice(0, hunt === undefined ? waiting.length : at + 1);
      this.#waiting.delete(peerId);
      if (waiting.length > 0) this.#waiting.set(peerId, waiting);
      if (hunt !== undefined) return { hunt, peerId };
    }
    return null;
  }

  #count(peerId: string, sign: 1 | -1): void {
    this.#running += sign;
    const ofTeller = (this.#runningOf.get(peerId) ?? 0) + sign;
    if (ofTeller > 0) this.#runningOf.set(peerId, ofTeller);
    else this.#runningOf.delete(peerId);
  }

  /** Asks one teller after the other, with a round's patience for each. */
  async #run(hunt: Hunt): Promise<void> {
    const { signal } = hunt.over;
    const asking = new Map<Promise<void>, { abort: () => void; dispose: () => void }>();
    for (;;) {
      const peerId = hunt.tellers.shift();
      if (signal.aborted || (peerId === undefined && asking.size === 0)) break;
      if (peerId !== undefined) {
        hunt.asked.add(peerId);
        const question = childOf(signal);
        const asked = this.#ask(hunt, peerId, question.signal).finally(() => {
          question.dispose();
          asking.delete(asked);
        });
        asking.set(asked, question);
      }
      await this.#patience(hunt, [...asking.keys()]);
      // The one that was silent for longest makes way for the next.
      const [[, oldest] = [undefined, undefined]] = asking;
      if (asking.size >= limits.gossip.askedAtOnce) oldest?.abort();
    }
    hunt.over.abort();
  }

  /** Until one of those asked is done, or a round is over. */
  async #patience(hunt: Hunt, asking: readonly Promise<void>[]): Promise<void> {
    const nap = childOf(hunt.over.signal);
    const { bytes } = hunt.wanted;
    const roundMs = limits.gossip.roundMs + (1_000 * bytes) / limits.gossip.slowBytesPerSecond;
    const roundIsOver = this.options.clock.sleep(roundMs, nap.signal).then(
      () => this.#askAgain(hunt),
      () => undefined,
    );
    await Promise.race([roundIsOver, ...asking]);
    nap.abort();
    nap.dispose();
  }

  /** Where nobody else told of it, the question may have got lost: it is put once more. */
  #askAgain(hunt: Hunt): void {
    const [first] = hunt.asked;
    hunt.rounds += 1;
    if (hunt.rounds < limits.gossip.askRounds && hunt.tellers.length === 0 && first !== undefined)
      hunt.tellers.push(first);
  }

  async #ask(hunt: Hunt, peerId: string, signal: AbortSignal): Promise<void> {
    const { onFault, onRefused, check, onBody } = this.options;
    const { wanted, over } = hunt;
    let bytes: Uint8Array | null;
    try {
      bytes = await this.options.fetch(peerId, wanted, signal);
    } catch (error) {
      if (!over.signal.aborted) onFault(peerId, { kind: "silent", reason: messageOf(error) });
      return;
    }
    if (over.signal.aborted) return;
    if (bytes === null) {
      return onFault(peerId, { kind: "missing", reason: "It doesn't have what it told of" });
    }
    const checked: Outcome<Transaction> = check(bytes, wanted);
    if (!checked.ok) {
      const { code, message } = checked.refusal;
      onRefused?.(wanted, code);
      const kind = code === "time" || code === "seal" ? "missing" : "false";
      return onFault(peerId, { kind, reason: message });
    }
    onBody({ transaction: checked.value, bytes, from: peerId });
    over.abort();
  }
}
