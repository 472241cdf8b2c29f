/**
 * Owns the stream of events and the ticker that keep the page fresh. Events say that something
 * changed and are kept for the page of events; what changed is asked for again. Without a stream
 * the ticker alone does it. A hidden page asks for nothing.
 */
import { signal } from "@preact/signals";
import { systemClock } from "../../runtime/clock.ts";
import { noteContact, noteSilence, noteStream } from "./contact.ts";
import * as node from "./node-state.ts";
import { type Resource, watchedResources } from "./resource.ts";
import { ServerEvents } from "./server-events.ts";
import { token } from "./session.ts";

export interface NodeEvent {
  id: string;
  type: string;
  at: string;
  registerId: string | null;
  peerId: string | null;
  message: string;
  facts: Record<string, unknown>;
}

/** The newest first. */
export const events = signal<readonly NodeEvent[]>([]);

const eventsKept = 500;
const tickMs = 5_000;
const syncingTickMs = 1_000;
const refreshAtMostEveryMs = 1_000;
const retryMs = 2_000;

let lastId: string | null = null;
let fresh: NodeEvent[] = [];
let isDrawing = false;

/** Runs as long as the page is there. */
export function startLive(): void {
  void follow();
  void tick();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refreshAll();
  });
}

/** All that is shown and may have changed since it was asked for. */
export function refreshAll(): void {
  const nowMs = systemClock.monotonicMs();
  for (const resource of watchedResources()) if (resource.isDue(nowMs)) void resource.refresh();
}

async function tick(): Promise<void> {
  for (;;) {
    const isSyncing = node.subscriptions.value.value?.some((one) => one.syncState === "Syncing");
    for (let waitedMs = 0; waitedMs < tickMs; waitedMs += syncingTickMs) {
      await systemClock.sleep(syncingTickMs);
      if (isSyncing && node.subscriptions.isWanted) void node.subscriptions.refresh();
    }
    if (!document.hidden) refreshAll();
  }
}

async function follow(): Promise<void> {
  for (;;) {
    await untilVisible();
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    // Who signs in sees more; who looks away leaves the line to other tabs.
    const forget = token.subscribe(skipFirst(stop));
    const onHide = () => document.hidden && stop();
    document.addEventListener("visibilitychange", onHide);
    await read(stopping.signal);
    noteStream(false);
    forget();
    document.removeEventListener("visibilitychange", onHide);
    if (!stopping.signal.aborted) await systemClock.sleep(retryMs);
  }
}

async function read(stop: AbortSignal): Promise<void> {
  try {
    const response = await fetch("/api/events", {
      headers: {
        ...(token.value === null ? {} : { authorization: `Bearer ${token.value}` }),
        ...(lastId === null ? {} : { "last-event-id": lastId }),
      },
      cache: "no-store",
      signal: stop,
    });
    if (!response.ok || response.body === null) return;
    noteStream(true);
    refreshAll();
    const parser = new ServerEvents();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      noteContact();
      for (const event of parser.push(part.value)) take(event);
    }
  } catch {
    if (!stop.aborted) noteSilence();
  }
}

function take(told: { id: string; event: string; data: string }): void {
  lastId = told.id;
  const { type, registerId, at, peerId, message, ...facts } = JSON.parse(told.data);
  fresh.unshift({
    id: told.id,
    type,
    at,
    registerId: registerId ?? null,
    peerId: peerId ?? null,
    message: message ?? "",
    facts,
  });
  fresh = fresh.slice(0, eventsKept);
  refreshSoon(concernedBy(String(type)));
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    events.value = [...fresh, ...events.value].slice(0, eventsKept);
    fresh = [];
  });
}

function concernedBy(type: string): readonly Resource<unknown>[] {
  const concerned: unknown[] = [];
  if (type.startsWith("peer.") || type.startsWith("source.")) {
    concerned.push(node.peers, node.topology, node.stats, node.health);
  }
  if (type.startsWith("register.") || type.startsWith("subscription.")) {
    concerned.push(node.registers, node.available, node.subscriptions, node.topology);
  }
  return concerned as Resource<unknown>[];
}

const waiting = new Set<Resource<unknown>>();

/** However fast events come, a list is asked for once a second. */
function refreshSoon(resources: readonly Resource<unknown>[]): void {
  for (const resource of resources) {
    if (waiting.has(resource) || !resource.isWanted) continue;
    waiting.add(resource);
    void systemClock.sleep(refreshAtMostEveryMs).then(() => {
      waiting.delete(resource);
      return resource.refresh();
    });
  }
}

function untilVisible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const onChange = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", onChange);
      resolve();
    };
    document.addEventListener("visibilitychange", onChange);
  });
}

/** A signal tells a new listener its present value, which is no change. */
function skipFirst(run: () => void): () => void {
  let isFirst = true;
  return () => {
    if (!isFirst) run();
    isFirst = false;
  };
}
