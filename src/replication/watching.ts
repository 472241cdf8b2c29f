/**
 * The watch over what peers show of the registers that we follow, bound to the real peers and
 * store.
 * Owns the one `HeadWatch` of the process. A header that is ahead of us wakes its register's loop;
 * one that contradicts what is stored is evidence.
 */
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { readSealedHeader } from "../dockets/evidence.ts";
import { sourcesOf } from "../peers/adverts.ts";
import { book } from "../peers/book.ts";
import { channels } from "../peers/channels.ts";
import { readDocket } from "../registers/dockets-table.ts";
import { anchorOf, registerOf } from "../registers/heads.ts";
import { hotCache } from "../registers/hot-cache.ts";
import type { Clock } from "../runtime/clock.ts";
import { logFor } from "../runtime/log.ts";
import { sql } from "../store/sql.ts";
import type { Channel } from "../wire/client.ts";
import type { HeadAnnouncement } from "../wire/messages.ts";
import { replication } from "../wire/services.ts";
import * as evidence from "./evidence.ts";
import { HeadWatch } from "./head-watch.ts";
import { HeardHeads } from "./heard-heads.ts";
import * as subscriptions from "./subscriptions.ts";

let running: { stopping: AbortController; ended: Promise<void> } | null = null;
const log = logFor("replication");

/** Peers asked about one register: enough that not all of them hide the same docket. */
const peersPerRegister = 4;

export function open(options: { clock: Clock; dice: () => number }): void {
  assert(running === null, "the watch is opened once");
  const { clock } = options;
  const stopping = new AbortController();
  evidence.open({
    clock,
    holders: (registerId) => sourcesOf(registerId).map((source) => source.peerId),
    stop: subscriptions.stopRegister,
    report: async (peerId, bytes) => {
      const call = { deadlineMs: reportMs, signal: stopping.signal };
      await channelTo(peerId).unary(replication.reportEvidence, { evidence: bytes }, call);
    },
  });
  const heard = new HeardHeads({
    isHeld: ({ registerId, number, docketData }) =>
      hotCache()?.holds({ registerId, number, docketData }) ?? false,
    look: (head, peerId) => {
      hear(head, peerId).catch((error) => {
        log.debug({ peerId, err: messageOf(error) }, "A head was not looked at");
      });
    },
    clock,
    signal: stopping.signal,
  });
  const watch = new HeadWatch({
    ...options,
    wanted: watchedPeers,
    announcements: (peerId, { registerIds, signal }) =>
      channelTo(peerId).stream(replication.heads, { registerIds }, { signal }),
    onHead: (head, peerId) => heard.hear(head, peerId),
  });
  running = { stopping, ended: watch.run(stopping.signal) };
}

export async function close(): Promise<void> {
  running?.stopping.abort();
  await running?.ended;
  running = null;
  evidence.close();
}

const reportMs = 10_000;

function watchedPeers(): Map<string, string[]> {
  const watched = new Map<string, string[]>();
  for (const { registerId, pausedAt } of subscriptions.listSubscriptions()) {
    if (pausedAt !== null) continue;
    const able = sourcesOf(registerId).filter((one) => one.speaksReplication && one.isConnected);
    for (const { peerId } of able.slice(0, peersPerRegister)) {
      watched.set(peerId, [...(watched.get(peerId) ?? []), registerId]);
    }
  }
  return watched;
}

async function hear(head: HeadAnnouncement, peerId: string): Promise<void> {
  const { registerId, docketData } = head;
  const anchor = anchorOf(registerId);
  if (anchor === null || anchor.policy === null) return;
  const read = readSealedHeader(docketData, { registerId, policy: anchor.policy });
  // A policy that we have not seen yet may be behind it: what is not proven counts for nothing.
  if (!read.ok) return;
  const { docketNumber, docketHash, previousHash } = read.value;
  if (docketNumber >= anchor.nextNumber) {
    subscriptions.heardHead(registerId, { number: docketNumber, peerId });
    const isFork = docketNumber === anchor.nextNumber && previousHash !== anchor.previousHash;
    if (isFork) log.warn({ registerId, peerId, docket: docketNumber }, "A peer shows a fork");
    return;
  }
  if (docketNumber < (registerOf(registerId)?.firstNumber ?? 0)) return;
  const stored = await readDocket(sql(), { registerId, number: docketNumber });
  if (stored === null || stored.hash === docketHash) return;
  await evidence.noteContradiction({ registerId, docketNumber, docketData, peerId });
}

function channelTo(peerId: string): Channel {
  const peer = book().get(peerId);
  if (peer === null) {
    throw new PeerError("not-found", "unknown-peer", { message: `Peer ${peerId} is not known` });
  }
  return channels().to(peer);
}
