import { every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { type Announced, type GossipOptions, keyOf } from "./gossip.ts";
import { Links } from "./links.ts";

type SpreadOptions = Pick<
  GossipOptions,
  "clock" | "dice" | "fanout" | "holders" | "tell" | "onTold"
>;

/** News on its way: who is known to have it, and how many rounds of repair it still gets. */
interface News extends Announced {
  registerId: string;
  holders: Set<string>;
  roundsLeft: number;
}

/**
 * Tells others what is new: the eager links within a moment, some of the rest in batches, round by
 * round. Nobody is told what he told us. Bounded: news beyond the bound lose their repair first.
 */
export class Spread {
  readonly #news = new Map<string, News>();
  readonly #fresh = new Map<string, Set<News>>();
  readonly #links: Links;
  #rounds: { stop: () => Promise<void> } | null = null;
  #isGathering = false;
  #isStopped = false;

  constructor(private readonly options: SpreadOptions) {
    this.#links = new Links(options);
  }

  start(): void {
    const { clock } = this.options;
    this.#rounds = every(limits.gossip.roundMs, { clock, tick: async () => this.#repair() });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#rounds?.stop();
  }

  /** Transactions that are being told on. */
  get count(): number {
    return this.#news.size;
  }

  noteHolder(registerId: string, transactionId: string, peerId: string): void {
    const news = this.#news.get(keyOf(registerId, transactionId));
    if (news !== undefined && news.holders.size < limits.gossip.holders) news.holders.add(peerId);
  }

  /** To the eager links within a moment, together with what else comes in it. */
  tell(registerId: string, announced: Announced): void {
    const key = keyOf(registerId, announced.transactionId);
    const known = this.#news.get(key);
    const news = known ?? { ...announced, registerId, holders: new Set<string>(), roundsLeft: 0 };
    news.roundsLeft = limits.gossip.repairRounds;
    this.#news.set(key, news);
    if (this.#news.size > limits.gossip.news) {
      for (const [oldest] of this.#news) {
        this.#news.delete(oldest);
        break;
      }
    }
    const fresh = this.#fresh.get(registerId) ?? new Set<News>();
    this.#fresh.set(registerId, fresh.add(news));
    void this.#gather();
  }

  drop(registerId: string, transactionId: string): void {
    const news = this.#news.get(keyOf(registerId, transactionId));
    if (news === undefined) return;
    this.#news.delete(keyOf(registerId, transactionId));
    this.#fresh.get(registerId)?.delete(news);
  }

  async #gather(): Promise<void> {
    if (this.#isGathering) return;
    this.#isGathering = true;
    await this.options.clock.sleep(limits.gossip.gatherMs).catch(() => undefined);
    this.#isGathering = false;
    for (const [registerId, fresh] of [...this.#fresh]) {
      this.#fresh.delete(registerId);
      const holders = this.options.holders(registerId);
      for (const peerId of this.#links.eagerOf(registerId, holders)) {
        this.#send(peerId, { registerId, news: fresh, isLazy: false });
      }
    }
  }

  /** One round: everything that is new enough, batched, to some who don't hear of it at once. */
  #repair(): void {
    const byRegister = new Map<string, News[]>();
    for (const [key, news] of this.#news) {
      news.roundsLeft -= 1;
      if (news.roundsLeft < 0) {
        this.#news.delete(key);
        continue;
      }
      const list = byRegister.get(news.registerId) ?? [];
      list.push(news);
      byRegister.set(news.registerId, list);
    }
    // One more than at once: ids are cheap, and the last of a lossy network hear two rounds sooner.
    const lazyCount = this.options.fanout + 1;
    for (const [registerId, news] of byRegister) {
      const holders = this.options.holders(registerId);
      for (const peerId of this.#links.lazyOf(registerId, holders, lazyCount)) {
        this.#send(peerId, { registerId, news, isLazy: true });
      }
    }
  }

  #send(peerId: string, told: { registerId: string; news: Iterable<News>; isLazy: boolean }): void {
    const { registerId, isLazy } = told;
    const unknown = [...told.news].filter((news) => !news.holders.has(peerId));
    const { batchIds } = limits.gossip;
    for (let from = 0; from < unknown.length; from += batchIds) {
      const batch = unknown.slice(from, from + batchIds);
      void this.#sendBatch(peerId, { registerId, batch, isLazy });
    }
  }

  async #sendBatch(
    peerId: string,
    { registerId, batch, isLazy }: { registerId: string; batch: News[]; isLazy: boolean },
  ): Promise<void> {
    if (this.#isStopped) return;
    const items = batch.map(({ transactionId, bytes }) => ({ transactionId, bytes }));
    try {
      const answer = await this.options.tell(peerId, { registerId, items, isLazy });
      for (const news of batch) news.holders.add(peerId);
      if (answer.alreadyKnown) this.#links.becomeLazy(registerId, peerId);
      else if (answer.willRequest && isLazy) this.#links.becomeEager(registerId, peerId);
      const ids = items.map(({ transactionId }) => transactionId);
      this.options.onTold?.(registerId, ids);
    } catch {
      this.#links.becomeLazy(registerId, peerId);
    }
  }
}
