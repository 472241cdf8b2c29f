/**
 * The mesh's duties: reach the seeds and every peer we learn of, keep each one warm with
 * heartbeats, and swap address lists. Owns the timers; what it learns goes into the book. It is a
 * value that gets clock, dice and everything it does to the outside as functions.
 */
import { codeOf, messageOf } from "../base/error.ts";
import { pickSome } from "../base/prng.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { type Address, networkGroup } from "./address.ts";
import { Allowance } from "./allowance.ts";
import type { Book } from "./book.ts";
import type { Channels } from "./channels.ts";
import { Dialler, type DiallerOptions } from "./dialler.ts";
import { exchange, hear } from "./exchange.ts";
import { type HeartbeatOptions, sendHeartbeat } from "./heartbeat.ts";
import type { Peer } from "./peer.ts";
import type { PeerRecord } from "./record.ts";
import { expire } from "./standing.ts";

export interface MeshOptions extends Omit<DiallerOptions, "onConnected" | "ownId"> {
  book: Book;
  channels: Channels;
  heartbeat: Omit<HeartbeatOptions, "beatSoon" | "showedItself">;
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  exchangeMs: number;
  clock: Clock;
  dice: () => number;
  log: Log;
}

/** Heartbeats in a row that a peer may miss before its connection counts as gone. */
const missedHeartbeatsMax = 2;
/** Peers asked in one round of exchange. */
const exchangeCount = 3;
/** While fewer than this are connected, each new one is asked for its peers at once. */
const fewPeers = 12;
/** Between two looks for idle channels, in heartbeat cycles. */
const idleCycles = 10;
/** An answer this much behind its deadline says that we were held up, not the peer. */
const heldUpMs = 1_000;

const dialTickMs = 500;
/** The first exchanges of a node come this fast: it must get to know the others in seconds. */
const exchangeTickMs = 1_000;
const missedRetryMs = 1_000;
/** Between two looks whether somebody is there of whom strangers told: as Bitcoin has it. */
const feelerMs = 120_000;

export class Mesh {
  readonly #stopping = new AbortController();
  readonly #dialler: Dialler;
  readonly #hurriedBeats: Allowance;
  #duties: { stop: () => Promise<void>; now: () => void }[] = [];
  #sequence = 0;
  #exchangeWaitMs = exchangeTickMs;
  #exchangeDueMs = 0;

  constructor(private readonly options: MeshOptions) {
    this.#dialler = new Dialler({
      ...options,
      ownId: options.heartbeat.nodeId,
      onConnected: (peer, how) => this.#onConnected(peer, how),
    });
    this.#hurriedBeats = new Allowance({
      perSecond: 1,
      burst: 3,
      namesMax: 4_096,
      monotonicMs: () => options.clock.monotonicMs(),
    });
  }

  start(): void {
    const { clock, heartbeatMs } = this.options;
    const dialling = every(dialTickMs, { clock, tick: async () => this.#dialler.dialDue() });
    const beating = every(heartbeatMs, { clock, tick: () => this.#beatAll() });
    const exchanging = every(exchangeTickMs, { clock, tick: () => this.#exchangeWhenDue() });
    const feeling = every(feelerMs, { clock, tick: async () => this.#dialler.feel() });
    const doubting = every(limits.trustCheckMs, { clock, tick: async () => this.#partWithLost() });
    this.#duties = [dialling, beating, exchanging, feeling, doubting];
    this.#dialler.dialDue();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#duties.map((duty) => duty.stop()));
    await this.#dialler.stop();
  }

  /** The peer showed itself: reach it now. Calls alone can't make us dial again and again. */
  dialSoon(peerId: string): void {
    this.#dialler.hurry(peerId);
  }

  /** Reached for at once and then for ever, as those of the start. */
  addSeed(address: Address): void {
    this.#dialler.addSeed(address);
  }

  /** Reaches the address now, as the operator wants; throws when nobody answers there. */
  reach(address: Address): Promise<Peer> {
    return this.#dialler.reach(address);
  }

  /** What we hold has changed in kind: tell everybody now instead of with the next heartbeat. */
  tellSoon(): void {
    this.#duties[1]?.now();
  }

  /** Somebody says that this peer has news: we ask the peer itself, at a bounded rate. */
  beatSoon(peerId: string): void {
    const { book, channels } = this.options;
    const peer = book.get(peerId);
    if (peer === null || peer.isBanned || !this.#hurriedBeats.take(peerId)) return;
    channels.hasten(peerId);
    if (peer.connection === "connected") this.#beat(peer).catch(() => undefined);
    else this.#dialler.hurry(peerId);
  }

  /** It proved that it is there: its circuit tries again, and it is reached for at once. */
  showedItself(peerId: string): void {
    const { book, channels } = this.options;
    channels.hasten(peerId);
    const peer = book.get(peerId);
    if (peer !== null && peer.connection !== "connected") this.#dialler.hurry(peerId);
  }

  /** Takes in hearsay, and dials whom it did not know. */
  hear(records: readonly PeerRecord[], tellerHost: string): void {
    const wanted = records.slice(0, limits.exchangePeers);
    if (hear(this.options.book, { records: wanted, tellerHost }) > 0) this.#dialler.dialDue();
  }

  /** Ends every connection to the peer; why is for the log and those who ask. */
  disconnect(peer: Peer, { code, reason }: { code: string; reason: string }): void {
    const wasConnected = peer.connection === "connected";
    if (wasConnected || peer.connection === "connecting") peer.connection = "disconnected";
    this.options.channels.drop(peer.peerId);
    if (!wasConnected) return;
    const message = `Disconnected: ${reason}`.slice(0, 500);
    this.options.book.note(peer, { type: "peer.disconnected", message, facts: { code } });
    this.options.log.warn({ peerId: peer.peerId, reason }, "Peer disconnected");
  }

  /** Everything that was remembered of reaching it is gone. */
  forget(peerId: string): void {
    this.options.channels.forget(peerId);
    this.#dialler.forget(peerId);
  }

  async #onConnected(peer: Peer, how: { isSeed: boolean }): Promise<void> {
    await this.#beat(peer);
    // Back after a silence: whoever waited for this source need not wait out its back-off.
    this.options.heartbeat.wake([...peer.adverts.keys()]);
    const isLonely = this.options.book.connected().length < fewPeers;
    if (how.isSeed || isLonely) await this.#exchange(peer);
  }

  async #beatAll(): Promise<void> {
    const { book, channels } = this.options;
    this.#sequence += 1;
    for (const peerId of expire(book)) this.forget(peerId);
    channels.forgetStrangers((peerId) => book.get(peerId) !== null);
    this.#dialler.forgetStrangers();
    if (this.#sequence % idleCycles === 0) {
      channels.closeIdle({ isExempt: (peerId) => book.get(peerId)?.isSeed ?? false });
    }
    this.#chooseAnchors();
    await Promise.all(book.connected().map((peer) => this.#beat(peer)));
  }

  /** A certificate ended, or its authority was struck off, while we were connected. */
  #partWithLost(): void {
    const { book, channels } = this.options;
    for (const { peerId, reason } of channels.distrusted()) {
      const peer = book.get(peerId);
      if (peer === null) channels.drop(peerId);
      else this.disconnect(peer, { code: "distrusted", reason });
    }
  }

  /** The best of now, of as many networks as there are, in case of a restart. */
  #chooseAnchors(): void {
    const { book } = this.options;
    const good = book.connected().filter((peer) => !peer.isSeed && !book.isResting(peer));
    good.sort((left, right) => book.pointsOf(right) - book.pointsOf(left));
    const groups = new Map<string, number>();
    const inOrder = good.map((peer) => {
      const group = networkGroup(peer.host);
      const before = groups.get(group) ?? 0;
      groups.set(group, before + 1);
      return { peer, before };
    });
    inOrder.sort((left, right) => left.before - right.before);
    if (inOrder.length === 0) return;
    const chosen = new Set(inOrder.slice(0, limits.anchors).map(({ peer }) => peer));
    for (const peer of book.list()) peer.isAnchor = chosen.has(peer);
  }

  async #beat(peer: Peer): Promise<void> {
    const { book, channels, log, clock, heartbeatTimeoutMs } = this.options;
    const startedAtMs = clock.monotonicMs();
    try {
      const beat = await sendHeartbeat(peer, {
        channel: channels.to(peer),
        sequence: this.#sequence,
        timeoutMs: heartbeatTimeoutMs,
        signal: this.#stopping.signal,
        options: this.options.heartbeat,
      });
      if (beat.answeredBy !== null && beat.answeredBy !== peer.peerId) {
        const reason = "Another node answers at its address";
        return this.disconnect(peer, { code: "other-node", reason });
      }
      const what = "It answered a heartbeat";
      book.reportSuccess(peer.peerId, { latencyMs: beat.latencyMs, what });
      // It forgot us, or never knew us: hello and registration again.
      const isForgotten = !beat.isRegistered;
      const reason = "It does not know us";
      if (isForgotten) this.disconnect(peer, { code: "not-registered", reason });
    } catch (error) {
      if (this.#stopping.signal.aborted || peer.connection !== "connected") return;
      if (clock.monotonicMs() - startedAtMs > heartbeatTimeoutMs + heldUpMs) {
        return this.#retryBeat(peer);
      }
      const why = { code: codeOf(error, "heartbeat-failed"), reason: messageOf(error) };
      const { code, reason } = why;
      book.reportFailure(peer.peerId, { code, what: `Heartbeat failed: ${reason}` });
      log.debug({ peerId: peer.peerId, reason }, "Heartbeat failed");
      if (peer.failureCount >= missedHeartbeatsMax) this.disconnect(peer, why);
      else this.#retryBeat(peer);
    }
  }

  /** A missed heartbeat is asked again soon: a dead peer must not look alive for another period. */
  #retryBeat(peer: Peer): void {
    const waiting = this.options.clock.sleep(missedRetryMs, this.#stopping.signal);
    waiting
      .then(() => (peer.connection === "connected" ? this.#beat(peer) : undefined))
      .catch(() => undefined);
  }

  /** Again soon while there is something new to hear, and else less and less often. */
  async #exchangeWhenDue(): Promise<void> {
    const { book, clock, dice, exchangeMs } = this.options;
    if (clock.monotonicMs() < this.#exchangeDueMs) return;
    const asked = pickSome(book.connected(), exchangeCount, dice);
    const news = await Promise.all(asked.map((peer) => this.#exchange(peer)));
    const isQuiet = asked.length > 0 && news.every((newCount) => newCount === 0);
    this.#exchangeWaitMs = isQuiet
      ? Math.min(exchangeMs, this.#exchangeWaitMs * 2)
      : exchangeTickMs;
    this.#exchangeDueMs = clock.monotonicMs() + this.#exchangeWaitMs;
  }

  /** Gives how many peers it told that were new. */
  async #exchange(peer: Peer): Promise<number> {
    const { book, channels, dice, log } = this.options;
    try {
      const newCount = await exchange(peer, {
        nodeId: this.options.heartbeat.nodeId,
        book,
        channel: channels.to(peer),
        timeoutMs: this.options.heartbeatTimeoutMs,
        signal: this.#stopping.signal,
        dice,
      });
      if (newCount > 0) this.#dialler.dialDue();
      return newCount;
    } catch (error) {
      if (!this.#stopping.signal.aborted) {
        log.debug({ peerId: peer.peerId, reason: messageOf(error) }, "Exchange failed");
      }
      return 0;
    }
  }
}
