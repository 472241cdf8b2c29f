/**
 * The registers this node follows: one running `RegisterLoop` each. Owns the loops and their
 * subscriptions' rows; REST and the CLI change them here, heartbeats and RPCs only `wake`. It never
 * enters data: that is the loops' road.
 */
import { assert } from "../base/assert.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { Mutex } from "../base/mutex.ts";
import { appendEvent } from "../registers/events-table.ts";
import { endFollowers } from "../registers/feed.ts";
import { anchorOf, registerOf } from "../registers/heads.ts";
import { hotCache } from "../registers/hot-cache.ts";
import { purgeRegister } from "../registers/purge.ts";
import * as table from "../registers/subscriptions-table.ts";
import { logFor } from "../runtime/log.ts";
import type { Sql } from "../store/database.ts";
import { sql } from "../store/sql.ts";
import { startBackfill } from "./backfill.ts";
import { emptyAnchor } from "./commit.ts";
import { equivocationCode, isContradicted } from "./evidence.ts";
import type { Happening } from "./judge.ts";
import { RegisterLoop } from "./register-loop.ts";
import { supervise } from "./rescue.ts";
import { retentionFor, retentionOf } from "./retention.ts";
import type { SharedLoopOptions } from "./shared-loop-options.ts";
import {
  afterPurge,
  refusePurge,
  refuseSubscribe,
  rowLost,
  type SubscribeRequest,
} from "./subscribing.ts";
import { Subscription } from "./subscription.ts";
import {
  type Running,
  rowOf,
  type StartingRow,
  type SubscriptionStatus,
  statusOf,
} from "./subscription-status.ts";

export type { SharedLoopOptions } from "./shared-loop-options.ts";
export type { SubscriptionStatus } from "./subscription-status.ts";

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
    await takeUp(row.registerId, { ...row, state });
  }
}

async function takeUp(registerId: string, row: StartingRow): Promise<void> {
  await begin(registerId, row);
  if (await isContradicted(registerId)) {
    const message = "The register's validators contradict themselves; see its evidence";
    stopRegister(registerId, { code: equivocationCode, message });
  }
}

async function begin(registerId: string, row: StartingRow): Promise<void> {
  const lost = await rowLost(registerId); // Before the loop, whose dockets come before their row.
  start(registerId, row);
  if (lost !== null) stopRegister(registerId, lost);
}

export async function close(): Promise<void> {
  for (const one of running.values()) one.stopping.abort();
  await Promise.all([...running.values()].map((one) => one.ended));
  running.clear();
  shared = null;
}

export function subscribe(request: SubscribeRequest): Promise<SubscriptionStatus> {
  return changes.run(async () => {
    const { registerId, mode } = request;
    const { isKnown } = opened();
    refuseSubscribe(request, { isKnown, followed: new Set(running.keys()) });
    const row = {
      registerId,
      mode,
      state: "Subscribing" as const,
      genesisHash: request.genesisHash ?? null,
      createdAtMs: opened().clock.nowMs(),
      pausedAtMs: null,
      ...retentionFor(request, opened().retention),
    };
    await table.insertSubscription(sql(), row);
    await begin(registerId, row);
    log.info({ registerId, mode }, "Subscribed");
    return statusNow(registerId, running.get(registerId) as Running);
  });
}

/**
 * Returns once the register's loop has stopped. What is stored stays, or with `purge` is gone for
 * everyone at once and deleted in the background.
 */
export function unsubscribe(registerId: string, options: { purge: boolean }): Promise<void> {
  return changes.run(async () => {
    await end(registerId, followedHere(registerId));
    const alsoIn = (transaction: Sql) => table.deleteSubscription(transaction, registerId);
    if (options.purge) await purgeRegister(registerId, { alsoIn });
    else await alsoIn(sql());
    log.info({ registerId, purge: options.purge }, "Unsubscribed");
  });
}

/**
 * What is stored is gone for everyone at once and deleted in the background; a subscription stays,
 * and begins anew behind that.
 */
export function purge(registerId: string): Promise<void> {
  return changes.run(async () => {
    const one = running.get(registerId);
    refusePurge(registerId, { isFollowed: one !== undefined });
    if (one !== undefined) await end(registerId, one);
    await purgeRegister(registerId);
    if (one !== undefined) await begin(registerId, { ...rowOf(one), state: "Subscribing" });
    log.info({ registerId, isFollowed: one !== undefined }, "Purged");
  });
}

async function end(registerId: string, one: Running): Promise<void> {
  one.stopping.abort();
  await one.ended;
  hotCache()?.drop(registerId);
  running.delete(registerId);
}

/**
 * From here on the register is neither fetched nor served, over restarts as well; what is stored
 * stays, and operators read it. Returns once its loop has stopped. Paused already: nothing happens.
 */
export function pause(registerId: string): Promise<SubscriptionStatus> {
  return changes.run(async () => {
    const one = followedHere(registerId);
    if (one.pausedAtMs === null) {
      const pausedAtMs = opened().clock.nowMs();
      await table.setPaused(sql(), { registerId, pausedAtMs });
      one.pausedAtMs = pausedAtMs;
      one.stopping.abort();
      endFollowers(registerId);
      await one.ended;
      tellTurn(registerId, { type: "register.paused", message: "An operator paused it" });
    }
    return statusNow(registerId, one);
  });
}

/** Goes on behind the last stored docket. Not paused: nothing happens. */
export function resume(registerId: string): Promise<SubscriptionStatus> {
  return changes.run(async () => {
    const before = followedHere(registerId);
    if (before.pausedAtMs !== null) {
      await table.setPaused(sql(), { registerId, pausedAtMs: null });
      const row = rowOf(before);
      const state = row.state === "Error" ? "Subscribing" : row.state;
      await takeUp(registerId, { ...row, state, pausedAtMs: null });
      tellTurn(registerId, { type: "register.resumed", message: "An operator lets it go on" });
    }
    return statusNow(registerId, followedHere(registerId));
  });
}

function tellTurn(registerId: string, turn: { type: string; message: string }): void {
  const nextDocket = anchorOf(registerId)?.nextNumber ?? 0;
  keepEvent({ ...turn, registerId, peerId: null, facts: { nextDocket } });
  log.info({ registerId, nextDocket }, turn.message);
  opened().onState(statusNow(registerId, followedHere(registerId)));
}

function followedHere(registerId: string): Running {
  const one = running.get(registerId);
  if (one !== undefined) return one;
  throw new PeerError("not-found", "not-subscribed", {
    message: `This node is not subscribed to register ${registerId}`,
  });
}

export function listSubscriptions(): SubscriptionStatus[] {
  return [...running].map(([registerId, one]) => statusNow(registerId, one));
}

export function subscriptionOf(registerId: string): SubscriptionStatus | null {
  const one = running.get(registerId);
  return one === undefined ? null : statusNow(registerId, one);
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

function start(registerId: string, row: StartingRow): void {
  const { forRegister, onState, ...rest } = opened();
  const subscription = new Subscription(registerId, row.mode, { state: row.state });
  const stopping = new AbortController();
  if (row.pausedAtMs !== null) stopping.abort();
  const given = {
    ...rest,
    ...afterPurge(registerId, forRegister(registerId, row.genesisHash)),
    registerId,
    tell: (happening: Happening) => keepEvent({ ...happening, registerId }),
    signal: stopping.signal,
    log: logFor("replication", { registerId }),
  };
  const loop = new RegisterLoop({
    ...given,
    subscription,
    genesisHash: row.genesisHash,
    anchor: () => anchorOf(registerId) ?? emptyAnchor(registerId),
    isWhole: () => row.mode === "ForwardOnly" || (registerOf(registerId)?.firstNumber ?? 0) === 0,
    onChange: () => noteChange(registerId),
  });
  supervise(loop, given);
  const backfill = row.mode === "FullReplica" ? startBackfill(loop, given) : null;
  const looping = loop.run(stopping.signal).catch((error) => {
    if (!isAbort(error))
      log.error({ registerId, err: messageOf(error) }, "A register's loop broke");
  });
  running.set(registerId, {
    subscription,
    genesisHash: row.genesisHash,
    createdAtMs: row.createdAtMs,
    retention: retentionOf(row),
    loop,
    backfill,
    stopping,
    ended: Promise.all([looping, backfill?.ended]),
    savedState: row.state,
    pausedAtMs: row.pausedAtMs,
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
  one?.backfill?.wake();
  if (one === undefined || one.savedState === one.subscription.state) return;
  one.savedState = one.subscription.state;
  const status = statusNow(registerId, one);
  const { syncState: state, lastSyncedDocketVersion: docket } = status;
  log.info({ registerId, state, docket }, "State");
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

function statusNow(registerId: string, one: Running): SubscriptionStatus {
  return statusOf(registerId, { one, monotonicMs: opened().clock.monotonicMs() });
}

function opened(): SharedLoopOptions {
  assert(shared !== null, "subscriptions are open");
  return shared;
}
