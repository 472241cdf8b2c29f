import type { Peer, Register, Subscription, Topology } from "../net/node-state.ts";
import type { Tone } from "../parts/badge.tsx";
import { durationText, grouped, plural } from "./numbers.ts";

/** A state in one word, what it means in a sentence, and its tone. */
export interface Said {
  word: string;
  tone: Tone;
  meaning: string;
}

export function peerState(peer: Peer): Said {
  if (peer.isBanned) {
    return {
      word: "banned",
      tone: "bad",
      meaning: "Nothing goes to it and nothing is taken from it",
    };
  }
  if (peer.quarantinedUntil !== null) {
    return {
      word: "quarantined",
      tone: "warn",
      meaning: "Left alone for a while: it served something false",
    };
  }
  if (peer.isConnected)
    return { word: "connected", tone: "good", meaning: "A live channel is open" };
  if (peer.failureCount >= 3) {
    return {
      word: "failing",
      tone: "warn",
      meaning: "Its last calls failed; this node tries again",
    };
  }
  return { word: "known", tone: "plain", meaning: "In the book, no open channel" };
}

/** Words for the score, as the reference service names them. */
export function scoreTone(score: number, rating: string): Tone {
  if (rating === "Unknown") return "plain";
  if (score >= 60) return "good";
  return score >= 40 ? "warn" : "bad";
}

/** Dockets that a subscription still lacks of what its sources say there is. */
export function behind(subscription: Subscription): number {
  const held = (subscription.lastSyncedDocketVersion ?? -1) + 1;
  return Math.max(0, subscription.totalDocketsInChain - held);
}

export function syncState(subscription: Subscription): Said {
  const lacking = behind(subscription);
  if (subscription.pausedAt !== null) {
    return { word: "paused", tone: "warn", meaning: "Neither fetched nor served until resumed" };
  }
  switch (subscription.syncState) {
    case "Subscribing":
      return { word: "waiting", tone: "info", meaning: "Waits for a source that has it" };
    case "Syncing":
      return { word: "catching up", tone: "info", meaning: `${plural(lacking, "docket")} to go` };
    case "Error":
      return {
        word: "stopped",
        tone: "bad",
        meaning: subscription.errorMessage ?? "An error stopped it",
      };
    default:
      if (subscription.consecutiveFailures > 0) {
        return {
          word: "retrying",
          tone: "warn",
          meaning: subscription.errorMessage ?? "The last try failed",
        };
      }
      return lacking > 0
        ? { word: "following", tone: "info", meaning: `${plural(lacking, "docket")} behind` }
        : { word: "live", tone: "good", meaning: "Holds everything that its sources have" };
  }
}

/** Rate, what is left, and how long that takes at this rate; null while nothing moves. */
export function syncPace(subscription: Subscription): string | null {
  const { docketsPerSecond, transactionsPerSecond } = subscription;
  const lacking = behind(subscription);
  if (docketsPerSecond <= 0 || subscription.pausedAt !== null) return null;
  const rate = `${grouped(transactionsPerSecond)} records/s`;
  return lacking === 0 ? rate : `${rate} · ${durationText(lacking / docketsPerSecond)} left`;
}

/** What the speed hangs on, as far as it can be told from here. */
export function limitingStage(subscription: Subscription): string | null {
  if (subscription.pausedAt !== null) return "an operator: it is paused";
  if (subscription.sourcePeerId === null) return "no source: nobody in sight has it";
  if (subscription.syncState === "Syncing" && subscription.docketsPerSecond === 0) {
    return `the source, ${subscription.sourcePeerId}: nothing came lately`;
  }
  const { limitingStage: stage } = subscription;
  return stage === null ? null : stageNames[stage];
}

const stageNames: Record<NonNullable<Subscription["limitingStage"]>, string> = {
  source: "the source: it gives no faster",
  budget: "the bytes a second that are set here",
  verify: "verification: the threads are busy",
  commit: "the database: it stores no faster",
};

export function verificationWords(verification: Register["verification"]): Said {
  return verification === "sealed"
    ? {
        word: "sealed",
        tone: "good",
        meaning: "Every docket's seal was checked against the policy",
      }
    : {
        word: "chain only",
        tone: "warn",
        meaning: "Hashes and links were checked; there are no seals",
      };
}

/** Registers that would have no other whole copy in reach without this peer. */
export function soleSourceOf(topology: Topology | null, peerId: string): string[] {
  if (topology === null) return [];
  const { nodeId } = topology;
  return topology.registers
    .filter(({ holders, holderCount }) => {
      // Not all are named where there are many.
      if (holderCount > holders.length) return false;
      const others = holders.filter((holder) => holder !== nodeId);
      return others.length === 1 && others[0] === peerId;
    })
    .map(({ registerId }) => registerId);
}
