/**
 * The registers this node follows: one running `RegisterLoop` each. Owns the loops and their
 * subscriptions' rows; REST and the CLI change them here, heartbeats and RPCs only `wake`. It never
 * enters data: that is the loops' road.
 */
import { assert } from "../base/assert.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import { appendEvent } from "../registers/events-table.ts";
import { anchorOf, registerOf } from "../registers/heads.ts";
import { purgeRegister } from "../registers/purge.ts";
import * as table from "../registers/subscriptions-table.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { RegisterStation } from "./binding.ts";
import { emptyAnchor } from "./commit.ts";
import { equivocationCode, isContradicted } from "./evidence.ts";
import type { Happening } from "./judge.ts";
import type { LoopOptions } from "./loop-options.ts";
import { RegisterLoop } from "./register-loop.ts";
import { supervise } from "./rescue.ts";
import { type Mode, Subscription, type SubscriptionState } from "./subscription.ts";

export interface SubscriptionStatus {
  registerId: string;
  mode: Mode;
  syncState: SubscriptionState;
  /** Number of the newest docket stored; null before the first. */
  lastSyncedDocketVersion: number | null;
  lastSyncedTransactionVersion: number;
  /** As far as the sources say: newest number + 1. */
  totalDocketsInChain: number;
  syncProgressPercent: number;
  canParticipateInValidation: boolean;
  isReceiving: boolean;
  lastSyncAt: string | null;
  consecutiveFailures: number;
  errorCode: string | null;
  errorMessage: string | null;
  sourcePeerId: string | null;
  /** Docket number at which the current run took up. */
  resumedFrom: number | null;
  docketsPerSecond: number;
  transactionsPerSecond: number;
  verification: "sealed" | "chain" | null;
}

/** The parts of a loop that are the same for all registers, given by `node.ts`. */
export type SharedLoopOptions = Pick<LoopOptions, "clock" | "dice" | "report"> & {
  /** The functions bound to one register. */
  forRegister: (
    registerId: string,
    genesisHash: string | null,
  ) => Pick<LoopOptions, RegisterStation>;
  /** Whether some peer says it holds the register, or we do. */
  isKnown: (registerId: string) => boolean;
  /** For the supervisor: a new connection to a peer, and a question to all who else there is. */
  reconnect: (peerId: string) => void;
  rediscover: (registerId: string) => void;
  /** A subscription's state changed: for adverts and events. */
  onState: (status: SubscriptionStatus) => void;
};

interface Running {
  subscription: Subscription;
  genesisHash: string | null;
  createdAtMs: number;
  loop: RegisterLoop;
  stopping: AbortController;
  ended: Promise<void>;
  savedState: SubscriptionState;
  /** The newest docket whose seal a peer has shown. */
  shown: { number: number; peerId: string; isProven: true } | null;
}

let shared: SharedLoopOptions | null = null;
const running = new Map<string, Running>();
const changes = new Mutex();
const log = logFor("replication");

/** Takes up every stored subscription where it stood. */
export async function open(options: SharedLoopOptions): Promise<void> {
  assert(shared === null, "subscriptions are opened once");
  shared = options;
  for (const row of await table.listSubscriptions(sql())) {
    // What was complete when we stopped may have grown since: the loop finds out.
    const state = row.state === "Error" ? "Subscribing" : row.state;
    start(row.registerId, { ...row, state });
    if (await isContradicted(row.registerId)) {
      const message = "The register's validators contradict themselves; see its evidence";
      stopRegister(row.registerId, { code: equivocationCode, message });
    }
  }
}

export async function close(): Promise<void> {
  for (const one of running.values()) one.stopping.abort();
  await Promise.all([...running.values()].map((one) => one.ended));
  running.clear();
  shared = null;
}

export function subscribe(request: {
  registerId: string;
  mode: Mode;
  genesisHash?: string;
}): Promise<SubscriptionStatus> {
  return changes.run(async () => {
    const { registerId, mode } = request;
    refuseSubscribe(registerId, request.genesisHash);
    const row = {
      registerId,
      mode,
      state: "Subscribing" as const,
      genesisHash: request.genesisHash ?? null,
      createdAtMs: opened().clock.nowMs(),
    };
    await table.insertSubscription(sql(), row);
    start(registerId, row);
    log.info({ registerId, mode }, "Subscribed");
    return statusOf(registerId, running.get(registerId) as Running);
  });
}

/** Returns once the register's loop has stopped; what is stored stays unless `purge`. */
export function unsubscribe(registerId: string, options: { purge: boolean }): Promise<void> {
  return changes.run(async () => {
    const one = running.get(registerId);
    if (one === undefined) {
      throw new PeerError("not-found", "not-subscribed", {
        message: `This node is not subscribed to register ${registerId}`,
      });
    }
    one.stopping.abort();
    await one.ended;
    running.delete(registerId);
    await table.deleteSubscription(sql(), registerId);
    if (options.purge) await purgeRegister(registerId);
    log.info({ registerId, purge: options.purge }, "Unsubscribed");
  });
}

export function listSubscriptions(): SubscriptionStatus[] {
  return [...running].map(([registerId, one]) => statusOf(registerId, one));
}

export function subscriptionOf(registerId: string): SubscriptionStatus | null {
  const one = running.get(registerId);
  return one === undefined ? null : statusOf(registerId, one);
}

/** The one way to hurry a register: whoever has news calls this, and the loop looks for itself. */
export function wake(registerId: string): void {
  running.get(registerId)?.loop.wake();
}

/** For `evidence.ts`: the register's validators contradict themselves. */
export function stopRegister(registerId: string, why: { code: string; message: string }): void {
  running.get(registerId)?.loop.stop(why);
}

/** A peer showed a sealed docket of the register. Verified by whoever calls. */
export function heardHead(registerId: string, head: { number: number; peerId: string }): void {
  const one = running.get(registerId);
  if (one === undefined) return;
  if (head.number > (one.shown?.number ?? -1)) one.shown = { ...head, isProven: true };
  one.loop.heardHead(head.number, head.peerId);
}

/** The newest docket that a peer proved to have; null for registers that are not followed. */
export function shownHead(registerId: string): Running["shown"] {
  return running.get(registerId)?.shown ?? null;
}

function refuseSubscribe(registerId: string, genesisHash: string | undefined): void {
  if (running.has(registerId)) {
    throw new PeerError("conflict", "already-subscribed", {
      message: `This node is already subscribed to register ${registerId}`,
    });
  }
  if (running.size >= limits.subscriptions) {
    throw new PeerError("exhausted", "too-many-subscriptions", {
      message: `This node already follows ${running.size} registers, which is its limit`,
    });
  }
  if (registerOf(registerId)?.isOrigin) {
    throw new PeerError("conflict", "own-register", {
      message: `This node seals register ${registerId} itself`,
    });
  }
  if (genesisHash === undefined && !opened().isKnown(registerId)) {
    throw new PeerError("not-found", "unknown-register", {
      message: `No peer that this node knows of holds register ${registerId}`,
    });
  }
}

function start(
  registerId: string,
  row: { mode: Mode; state: SubscriptionState; genesisHash: string | null; createdAtMs: number },
): void {
  const { forRegister, onState, ...rest } = opened();
  const subscription = new Subscription(registerId, row.mode, { state: row.state });
  const stopping = new AbortController();
  const loop = new RegisterLoop({
    ...rest,
    ...forRegister(registerId, row.genesisHash),
    subscription,
    genesisHash: row.genesisHash,
    anchor: () => anchorOf(registerId) ?? emptyAnchor(registerId),
    tell: (happening) => keepEvent({ ...happening, registerId }),
    onChange: () => noteChange(registerId),
    log: {
      debug: (facts, message) => log.debug({ registerId, ...facts }, message),
      info: (facts, message) => log.info({ registerId, ...facts }, message),
      warn: (facts, message) => log.warn({ registerId, ...facts }, message),
      error: (facts, message) => log.error({ registerId, ...facts }, message),
    },
  });
  supervise(loop, {
    ...rest,
    registerId,
    tell: (happening) => keepEvent({ ...happening, registerId }),
    signal: stopping.signal,
  });
  const ended = loop.run(stopping.signal).catch((error) => {
    if (!isAbort(error))
      log.error({ registerId, err: messageOf(error) }, "A register's loop broke");
  });
  running.set(registerId, {
    subscription,
    genesisHash: row.genesisHash,
    createdAtMs: row.createdAtMs,
    loop,
    stopping,
    ended,
    savedState: row.state,
    shown: null,
  });
}

/** Keeps what happened for the operator. Not worth waiting for, nor failing over. */
function keepEvent(happening: Happening & { registerId: string }): void {
  const keeping = appendEvent(sql(), { ...happening, atMs: opened().clock.nowMs() });
  keeping.catch((error) => log.debug({ err: messageOf(error) }, "Event not stored"));
}

/** Stores the state when it changed; in between, the head itself is the record of progress. */
function noteChange(registerId: string): void {
  const one = running.get(registerId);
  if (one === undefined || one.savedState === one.subscription.state) return;
  one.savedState = one.subscription.state;
  const status = statusOf(registerId, one);
  log.info(
    { registerId, state: status.syncState, docket: status.lastSyncedDocketVersion },
    "State",
  );
  opened().onState(status);
  const saving = table.updateSubscription(sql(), {
    registerId,
    state: one.subscription.state,
    targetNumber: one.loop.view.targetNumber,
    consecutiveFailures: one.subscription.failures,
    errorCode: one.loop.view.errorCode,
    errorMessage: one.loop.view.errorMessage,
    lastSyncAtMs: one.loop.view.lastSyncAtMs,
  });
  saving.catch((error) => log.warn({ registerId, err: messageOf(error) }, "State not stored"));
}

function statusOf(registerId: string, one: Running): SubscriptionStatus {
  const { view, rate } = one.loop;
  const anchor = anchorOf(registerId);
  const register = registerOf(registerId);
  const headNumber = anchor === null ? null : anchor.nextNumber - 1;
  const total = Math.max((view.targetNumber ?? -1) + 1, anchor?.nextNumber ?? 0);
  const perSecond = rate.perSecond(opened().clock.monotonicMs());
  const done = anchor?.nextNumber ?? 0;
  return {
    registerId,
    mode: one.subscription.mode,
    syncState: one.subscription.state,
    lastSyncedDocketVersion: headNumber,
    lastSyncedTransactionVersion: register?.latestVersion ?? 0,
    totalDocketsInChain: total,
    syncProgressPercent: total === 0 ? 0 : Math.floor((done * 1000) / total) / 10,
    canParticipateInValidation: one.subscription.state === "FullyReplicated",
    isReceiving: view.isReceiving,
    lastSyncAt: view.lastSyncAtMs === null ? null : new Date(view.lastSyncAtMs).toISOString(),
    consecutiveFailures: one.subscription.failures,
    errorCode: view.errorCode,
    errorMessage: view.errorMessage,
    sourcePeerId: view.sourcePeerId,
    resumedFrom: view.resumedFrom,
    docketsPerSecond: perSecond.dockets,
    transactionsPerSecond: perSecond.transactions,
    verification: register?.verification ?? null,
  };
}

function opened(): SharedLoopOptions {
  assert(shared !== null, "subscriptions are open");
  return shared;
}
