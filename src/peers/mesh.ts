/**
 * The mesh's duties: reach the seeds and every peer we learn of, keep each one warm with heartbeats,
 * and swap address lists. Owns the timers and the dialling; what it learns goes into the book. It is
 * a value that gets clock, dice and everything it does to the outside as functions.
 */
import { backoffMs } from "../base/backoff.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { pickSome } from "../base/prng.ts";
import { type Clock, every } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import type { Log } from "../runtime/log.ts";
import { discovery } from "../wire/services.ts";
import { type Address, addressText } from "./address.ts";
import type { Book, Peer } from "./book.ts";
import type { Channels } from "./channels.ts";
import type { Greeted } from "./handshake.ts";
import { type HeartbeatOptions, sendHeartbeat } from "./heartbeat.ts";
import { infoOf, recordOf } from "./messages.ts";
import type { PeerRecord } from "./record.ts";

export interface MeshOptions {
  book: Book;
  channels: Channels;
  seeds: readonly Address[];
  heartbeat: HeartbeatOptions;
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  exchangeMs: number;
  /** Says hello and registers us there; throws when that fails. */
  greet: (address: Address, signal: AbortSignal) => Promise<Greeted>;
  clock: Clock;
  dice: () => number;
  log: Log;
}

/** Heartbeats in a row that a peer may miss before its connection counts as gone. */
const missedHeartbeatsMax = 2;
/** Peers asked in one round of exchange. */
const exchangeCount = 3;
/** Dials under way at once. */
const dialsMax = 16;

export class Mesh {
  readonly #stopping = new AbortController();
  readonly #dialling = new Map<string, Promise<void>>();
  readonly #retryAtMs = new Map<string, { attempt: number; atMs: number }>();
  readonly #seedIds = new Map<string, string>();
  #duties: { stop: () => Promise<void>; now: () => void }[] = [];
  #sequence = 0;

  constructor(private readonly options: MeshOptions) {}

  start(): void {
    const { clock, heartbeatMs, exchangeMs } = this.options;
    const dialling = every(dialTickMs, { clock, tick: async () => this.#dialAll() });
    const beating = every(heartbeatMs, { clock, tick: () => this.#beatAll() });
    const exchanging = every(exchangeMs, { clock, tick: () => this.#exchangeSome() });
    this.#duties = [dialling, beating, exchanging];
    this.#dialAll();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#duties.map((duty) => duty.stop()));
    await Promise.allSettled(this.#dialling.values());
  }

  /**
   * A peer called us, or we learned of one: reach it now instead of after its back-off. How often it
   * failed is not forgotten, so that calls alone can't make us dial again and again.
   */
  dialSoon(peerId: string): void {
    const retry = this.#retryAtMs.get(peerId);
    if (retry !== undefined && retry.attempt < 3) retry.atMs = 0;
    this.#dialAll();
  }

  /** What we hold has changed in kind: tell everybody now instead of with the next heartbeat. */
  tellSoon(): void {
    this.#duties[1]?.now();
  }

  /** Seeds first and for ever; then every peer that isn't connected and whose back-off is over. */
  #dialAll(): void {
    if (this.#stopping.signal.aborted) return;
    for (const seed of this.options.seeds) {
      const key = addressText(seed);
      const peerId = this.#seedIds.get(key);
      const peer = peerId === undefined ? null : this.options.book.get(peerId);
      if (peer?.connection !== "connected" && !peer?.isBanned) this.#dial(seed, { key, peer });
    }
    for (const peer of this.options.book.usable()) {
      if (peer.connection !== "connected") this.#dial(peer, { key: peer.peerId, peer });
    }
  }

  #dial(address: Address, target: { key: string; peer: Peer | null }): void {
    const { key } = target;
    const retry = this.#retryAtMs.get(key);
    const isEarly = retry !== undefined && retry.atMs > this.options.clock.monotonicMs();
    if (isEarly || this.#dialling.has(key) || this.#dialling.size >= dialsMax) return;
    const dialling = this.#meet({ host: address.host, port: address.port }, target)
      .then(() => this.#connected(key))
      .catch((error) => this.#noteDialFailure(address, { ...target, error }))
      .finally(() => this.#dialling.delete(key));
    this.#dialling.set(
      key,
      dialling.then(() => undefined),
    );
  }

  async #meet(address: Address, target: { key: string; peer: Peer | null }): Promise<void> {
    const { book, log, clock } = this.options;
    if (target.peer !== null) target.peer.connection = "connecting";
    const startedAtMs = clock.monotonicMs();
    const greeted = await this.options.greet(address, this.#stopping.signal);
    const isSeed = target.peer?.peerId !== target.key;
    if (isSeed) this.#seedIds.set(target.key, greeted.record.peerId);
    const learned = book.learn(greeted.record, "itself");
    if (learned.kind === "refused") {
      if (learned.code === "self") return this.#neverAgain(target.key);
      throw new PeerError("forbidden", learned.code, {
        message: `The peer that answered as ${greeted.record.peerId} is not taken in: ${learned.code}`,
      });
    }
    const { peer } = learned;
    if (isSeed) peer.isSeed = true;
    if (target.peer !== null && target.peer.peerId !== peer.peerId) {
      target.peer.connection = "disconnected";
    }
    if (greeted.isProven) book.setAuthenticated(peer);
    book.reportSuccess(peer.peerId, clock.monotonicMs() - startedAtMs);
    peer.connection = "connected";
    log.info({ peerId: peer.peerId, address: addressText(peer), isSeed }, "Peer connected");
    await this.#beat(peer);
    // Back after a silence: whoever waited for this source need not wait out its back-off.
    this.options.heartbeat.wake([...peer.adverts.keys()]);
    await this.#exchange(peer);
  }

  #noteDialFailure(
    address: Address,
    failed: { key: string; peer: Peer | null; error: unknown },
  ): void {
    if (isAbort(failed.error) || this.#stopping.signal.aborted) return;
    const attempt = (this.#retryAtMs.get(failed.key)?.attempt ?? -1) + 1;
    const waitMs = backoffMs(attempt, { firstMs: 500, longestMs: 30_000, dice: this.options.dice });
    this.#retryAtMs.set(failed.key, { attempt, atMs: this.options.clock.monotonicMs() + waitMs });
    if (failed.peer !== null) {
      failed.peer.connection = "disconnected";
      this.options.book.reportFailure(failed.peer.peerId);
    }
    const facts = { address: addressText(address), reason: messageOf(failed.error), waitMs };
    if (attempt === 0) this.options.log.warn(facts, "Peer not reached; trying again");
    else this.options.log.debug(facts, "Peer still not reached");
  }

  #connected(key: string): void {
    if (this.#retryAtMs.get(key)?.atMs !== Number.POSITIVE_INFINITY) this.#retryAtMs.delete(key);
  }

  /** An address that turned out to be our own. */
  #neverAgain(key: string): void {
    this.#retryAtMs.set(key, { attempt: 0, atMs: Number.POSITIVE_INFINITY });
  }

  async #beatAll(): Promise<void> {
    this.#sequence += 1;
    await Promise.all(this.options.book.connected().map((peer) => this.#beat(peer)));
  }

  async #beat(peer: Peer): Promise<void> {
    const { book, channels, log } = this.options;
    try {
      const beat = await sendHeartbeat(peer, {
        channel: channels.to(peer),
        sequence: this.#sequence,
        timeoutMs: this.options.heartbeatTimeoutMs,
        signal: this.#stopping.signal,
        options: this.options.heartbeat,
      });
      book.reportSuccess(peer.peerId, beat.latencyMs);
      // It forgot us, or never knew us: hello and registration again.
      if (!beat.isRegistered) this.#disconnect(peer, "It does not know us");
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      book.reportFailure(peer.peerId);
      log.debug({ peerId: peer.peerId, reason: messageOf(error) }, "Heartbeat failed");
      if (peer.failureCount >= missedHeartbeatsMax) this.#disconnect(peer, messageOf(error));
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

  #disconnect(peer: Peer, reason: string): void {
    if (peer.connection !== "connected") return;
    peer.connection = "disconnected";
    this.options.channels.drop(peer.peerId);
    this.options.log.warn({ peerId: peer.peerId, reason }, "Peer disconnected");
  }

  async #exchangeSome(): Promise<void> {
    const asked = pickSome(this.options.book.connected(), exchangeCount, this.options.dice);
    await Promise.all(asked.map((peer) => this.#exchange(peer)));
  }

  /** Gives a few of our peers and takes a few of theirs; what they say is hearsay. */
  async #exchange(peer: Peer): Promise<void> {
    const { book, channels, log } = this.options;
    try {
      const answer = await channels.to(peer).unary(
        discovery.exchangePeers,
        {
          peerId: this.options.heartbeat.nodeId,
          knownPeers: tellable(book, peer.peerId).map(infoOf),
          maxPeers: limits.exchangePeers,
        },
        { deadlineMs: this.options.heartbeatTimeoutMs, signal: this.#stopping.signal },
      );
      if (answer.success) this.hear(answer.knownPeers.map(recordOf));
    } catch (error) {
      if (!this.#stopping.signal.aborted) {
        log.debug({ peerId: peer.peerId, reason: messageOf(error) }, "Exchange failed");
      }
    }
  }

  /** Takes in hearsay, at most a list's worth, and dials whom it did not know. */
  hear(records: readonly PeerRecord[]): void {
    let isNew = false;
    for (const record of records.slice(0, limits.exchangePeers)) {
      isNew = this.options.book.learn(record, "gossip").kind === "new" || isNew;
    }
    if (isNew) this.#dialAll();
  }
}

/** Records fit to be passed on: of peers that answered us, as they signed them. */
export function tellable(book: Book, askerId: string): PeerRecord[] {
  return book
    .usable()
    .filter((peer) => peer.peerId !== askerId && peer.connection === "connected")
    .flatMap((peer) =>
      peer.record === null ? [] : [{ ...peer.record, lastSeenMs: peer.lastSeenMs }],
    )
    .slice(0, limits.exchangePeers);
}

const dialTickMs = 500;
const missedRetryMs = 1_000;
