import { backoffMs } from "../base/backoff.ts";
import { codeOf, isAbort, messageOf, PeerError } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { type Address, addressText, networkGroup, scopeOf } from "./address.ts";
import { Allowance } from "./allowance.ts";
import type { Book } from "./book.ts";
import type { Channels } from "./channels.ts";
import type { Greeted } from "./handshake.ts";
import { refusalText } from "./learned.ts";
import type { Peer } from "./peer.ts";

export interface DiallerOptions {
  ownId: string;
  book: Book;
  channels: Channels;
  seeds: readonly Address[];
  /** Peers that this node keeps a connection to by its own choice; seeds come on top. */
  outboundMax: number;
  /** Says hello and registers us there; throws when that fails. */
  greet: (address: Address, signal: AbortSignal) => Promise<Greeted>;
  /** Whether a host that strangers told may be dialled, names looked up; left out: any. */
  mayDial?: (host: string) => Promise<boolean>;
  /** A peer was reached. */
  onConnected: (peer: Peer, how: { isSeed: boolean }) => Promise<void>;
  clock: Clock;
  dice: () => number;
  log: Log;
}

interface Target {
  address: Address;
  /** The peer's id, or for seeds and by hand their address. */
  key: string;
  peer: Peer | null;
  isSeed: boolean;
  /** Only to see whether it is there. */
  isFeeler: boolean;
}

/** Dials under way at once. */
const dialsMax = 16;

/**
 * Whom to dial, and when: seeds for ever, then the good ones of the last run, then peers that we
 * reached before, the best first, then hearsay by chance, up to the bound of outbound connections.
 * Each one that does not answer is asked again after a back-off and lies behind its circuit. Where
 * the bound is reached, `feel` tries one of the hearsay now and then.
 */
export class Dialler {
  readonly #stopping = new AbortController();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #retry = new Map<string, { attempt: number; atMs: number }>();
  readonly #seeds: Map<string, Address>;
  readonly #seedIds = new Map<string, string>();
  readonly #hurried: Allowance;
  readonly #rate: Allowance;

  constructor(private readonly options: DiallerOptions) {
    const monotonicMs = () => options.clock.monotonicMs();
    this.#seeds = new Map(options.seeds.map((address) => [addressText(address), address]));
    this.#hurried = new Allowance({ perSecond: 0.2, burst: 2, namesMax: 4_096, monotonicMs });
    this.#rate = new Allowance({ perSecond: 20, burst: 60, namesMax: 1, monotonicMs });
  }

  /** From now on it is reached for as those are that were named at the start. */
  addSeed(address: Address): void {
    this.#seeds.set(addressText(address), address);
    this.dialDue();
  }

  /** Begins what is due and may be. */
  dialDue(): void {
    if (this.#stopping.signal.aborted) return;
    for (const target of this.#candidates()) {
      if (this.#underWay.size >= dialsMax) return;
      if (this.#isDue(target) && this.#rate.take("all")) this.#dial(target);
    }
  }

  /**
   * The peer showed itself: it is reached for now instead of after its back-off. How often it
   * failed is not forgotten, and calls alone can't make us dial it again and again.
   */
  hurry(peerId: string): void {
    if (!this.#hurried.take(peerId)) return;
    for (const key of this.#keysOf(peerId)) {
      const retry = this.#retry.get(key);
      if (retry !== undefined && retry.atMs !== Number.POSITIVE_INFINITY) retry.atMs = 0;
    }
    this.options.channels.hasten(peerId);
    this.dialDue();
  }

  /**
   * Reaches for one that strangers told of, by chance, while all connections are taken: so that
   * there are always fresh ones that are known to be there. It is not kept connected.
   */
  feel(): void {
    const { book, outboundMax, dice, channels } = this.options;
    const taken = book.connected().filter((peer) => !peer.isSeed).length;
    if (this.#stopping.signal.aborted || taken < outboundMax) return;
    const untried = book
      .usable()
      .filter((peer) => !peer.isTried && peer.connection !== "connected");
    const peer = untried[Math.floor(dice() * untried.length)];
    if (peer === undefined || channels.isShut(peer.peerId)) return;
    const target = { address: peer, key: peer.peerId, peer, isSeed: false, isFeeler: true };
    if (this.#isDue(target) && this.#rate.take("all")) this.#dial(target);
  }

  /** What is remembered of names that the book has dropped goes with them. */
  forgetStrangers(): void {
    const { book } = this.options;
    for (const key of this.#retry.keys()) {
      if (book.get(key) === null && !this.#seeds.has(key)) this.#retry.delete(key);
    }
  }

  /** The operator's word: now, whatever happened before. Throws what the dial throws. */
  async reach(address: Address): Promise<Peer> {
    const { book, clock } = this.options;
    const startedAtMs = clock.monotonicMs();
    const greeted = await this.options.greet(address, this.#stopping.signal);
    const peer = this.#takeIn(greeted);
    await this.#connected(peer, { greeted, isSeed: false, isFeeler: false, startedAtMs });
    return book.get(peer.peerId) ?? peer;
  }

  forget(peerId: string): void {
    this.#retry.delete(peerId);
    for (const [key, id] of this.#seedIds) if (id === peerId) this.#seedIds.delete(key);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#underWay.values());
  }

  *#candidates(): Iterable<Target> {
    const { book, outboundMax, dice } = this.options;
    for (const [key, address] of this.#seeds) {
      const peer = book.get(this.#seedIds.get(key) ?? "");
      if (peer?.connection !== "connected" && !peer?.isBanned) {
        yield { address, key, peer, isSeed: true, isFeeler: false };
      }
    }
    const connected = book.connected();
    const dialled = [...this.#underWay.keys()].filter(
      (key) => !this.#seeds.has(key) && book.get(key)?.connection !== "connected",
    ).length;
    let free = outboundMax - connected.filter((peer) => !peer.isSeed).length - dialled;
    const groups = new Map<string, number>();
    for (const peer of connected) countGroup(groups, peer);
    const waiting = book.usable().filter((peer) => peer.connection !== "connected" && !peer.isSeed);
    const rank = (peer: Peer) =>
      (peer.isAnchor ? 200 : 0) + (peer.isTried ? book.pointsOf(peer) : 0);
    const ranked = waiting.map((peer) => ({ peer, rank: rank(peer) + dice() }));
    for (const { peer } of ranked.sort((left, right) => right.rank - left.rank)) {
      if (free <= 0) return;
      // One public network can't be all that we see, however many peers it has.
      const isCrowded = (groups.get(networkGroup(peer.host)) ?? 0) >= Math.max(8, outboundMax / 4);
      if (isCrowded && scopeOf(peer.host) === "public") continue;
      const target = { address: peer, key: peer.peerId, peer, isSeed: false, isFeeler: false };
      if (!this.#isDue(target)) continue;
      free -= 1;
      countGroup(groups, peer);
      yield target;
    }
  }

  /** Of the peer itself, and of the seeds that it is or stands at. */
  #keysOf(peerId: string): string[] {
    const peer = this.options.book.get(peerId);
    const seeds = [...this.#seedIds].filter(([, id]) => id === peerId).map(([key]) => key);
    return [peerId, ...seeds, ...(peer === null ? [] : [addressText(peer)])];
  }

  #isDue(target: Target): boolean {
    const retry = this.#retry.get(target.key);
    if (retry !== undefined && retry.atMs > this.options.clock.monotonicMs()) return false;
    if (target.peer !== null && this.options.channels.isShut(target.peer.peerId)) return false;
    return !this.#underWay.has(target.key);
  }

  #dial(target: Target): void {
    const dialling = this.#meet(target)
      .catch((error) => this.#noteFailure(target, error))
      .finally(() => this.#underWay.delete(target.key));
    this.#underWay.set(target.key, dialling);
  }

  async #meet(target: Target): Promise<void> {
    const { options } = this;
    const { peer: expected, isSeed } = target;
    const address = { host: target.address.host, port: target.address.port };
    if (expected !== null) expected.connection = "connecting";
    const startedAtMs = options.clock.monotonicMs();
    if (!isSeed && !expected?.isManual && !((await options.mayDial?.(address.host)) ?? true)) {
      throw new PeerError("forbidden", "private-address", {
        message: `${address.host} stands for an address of a private network`,
      });
    }
    const greet = () => options.greet(address, this.#stopping.signal);
    const greeted = await (expected === null
      ? greet()
      : options.channels.circuit(expected.peerId).run(greet));
    if (isSeed) this.#seedIds.set(target.key, greeted.record.peerId);
    if (expected !== null && expected.peerId !== greeted.record.peerId) {
      expected.connection = "disconnected";
      const what = "Another node answers at its address";
      options.book.reportFailure(expected.peerId, { code: "other-node", what });
    }
    const peer = this.#takeInUnlessSelf(greeted, target);
    if (peer === null) return;
    this.#retry.delete(target.key);
    await this.#connected(peer, { ...target, greeted, startedAtMs });
  }

  #takeIn(greeted: Greeted): Peer {
    const { record, isCertified } = greeted;
    const learned = this.options.book.learn(record, "itself", { isCertified });
    if (learned.kind !== "refused") return learned.peer;
    throw new PeerError("forbidden", learned.code, {
      message: `The peer that answered as ${record.peerId} is not taken in: ${refusalText(learned.code, record.peerId)}`,
    });
  }

  /** Null where we met ourselves; nobody dials that address again. */
  #takeInUnlessSelf(greeted: Greeted, target: Target): Peer | null {
    if (greeted.record.peerId !== this.options.ownId) return this.#takeIn(greeted);
    this.#retry.set(target.key, { attempt: 0, atMs: Number.POSITIVE_INFINITY });
    if (target.peer !== null) this.options.book.forget(target.peer.peerId);
    return null;
  }

  async #connected(
    peer: Peer,
    how: Pick<Target, "isSeed" | "isFeeler"> & { greeted: Greeted; startedAtMs: number },
  ): Promise<void> {
    const { book, channels, clock, log } = this.options;
    if (how.isSeed) peer.isSeed = true;
    if (how.greeted.isProven) book.setAuthenticated(peer);
    const latencyMs = clock.monotonicMs() - how.startedAtMs;
    book.reportSuccess(peer.peerId, { latencyMs, what: "It answered our hello" });
    // A ban may have come while it answered.
    if (peer.isBanned) return;
    if (how.isFeeler) {
      peer.connection = "known";
      return book.note(peer, { type: "peer.felt", message: `It is there: ${addressText(peer)}` });
    }
    peer.connection = "connected";
    channels.freshen(peer.peerId);
    book.note(peer, { type: "peer.connected", message: `Connected at ${addressText(peer)}` });
    log.info(
      { peerId: peer.peerId, address: addressText(peer), isSeed: how.isSeed },
      "Peer connected",
    );
    await this.options.onConnected(peer, { isSeed: how.isSeed });
  }

  #noteFailure(target: Target, error: unknown): void {
    const { options } = this;
    if (isAbort(error) || this.#stopping.signal.aborted) return;
    const attempt = (this.#retry.get(target.key)?.attempt ?? -1) + 1;
    const isHearsay = target.peer !== null && !target.peer.isTried && !target.isSeed;
    // Hearsay that does not answer is mostly junk: it may wait.
    const waitMs = backoffMs(attempt, {
      firstMs: isHearsay ? 2_000 : 500,
      longestMs: isHearsay ? 600_000 : 30_000,
      dice: options.dice,
    });
    this.#retry.set(target.key, { attempt, atMs: options.clock.monotonicMs() + waitMs });
    const reason = messageOf(error);
    if (target.peer !== null && target.peer.connection === "connecting") {
      target.peer.connection = "disconnected";
      const code = codeOf(error, "not-reached");
      options.book.reportFailure(target.peer.peerId, { code, what: `Not reached: ${reason}` });
    }
    const facts = { address: addressText(target.address), reason, waitMs };
    if (attempt === 0) options.log.warn(facts, "Peer not reached; trying again");
    else options.log.debug(facts, "Peer still not reached");
  }
}

function countGroup(groups: Map<string, number>, peer: Peer): void {
  const group = networkGroup(peer.host);
  groups.set(group, (groups.get(group) ?? 0) + 1);
}
