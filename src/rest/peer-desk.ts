import type { PeerHealthMetrics } from "../wire/messages.ts";
import type { AdvertView } from "./source.ts";

/** What REST asks and orders about peers. All may throw `PeerError`. */
export interface PeerDesk {
  ban(peerId: string, reason: string | null): Promise<PeerView>;
  unban(peerId: string): Promise<PeerView>;
  reset(peerId: string): Promise<{ previousFailureCount: number }>;
  /** host:port */
  add(address: string): Promise<PeerView>;
  remove(peerId: string): Promise<void>;
  connect(peerId: string): Promise<PeerView>;
  /** The newest first. */
  why(peerId: string, limit: number): Promise<PeerEvent[]>;
  circuits(): { closed: number; open: number; "half-open": number };
  isAdvertised(registerId: string): boolean;
  /** Resolves once it is stored; peers hear of it soon. */
  setAdvertised(changes: ReadonlyMap<string, boolean>): Promise<void>;
}

export interface PeerEvent {
  atMs: number;
  lastAtMs: number;
  type: string;
  code: string | null;
  message: string;
  count: number;
  pointsBefore: number | null;
  pointsAfter: number | null;
  untilMs: number | null;
}

export interface PeerView {
  peerId: string;
  address: string;
  port: number;
  supportedProtocols: readonly string[];
  firstSeenMs: number;
  /** 0: never. */
  lastSeenMs: number;
  failureCount: number;
  isSeedNode: boolean;
  isConnected: boolean;
  connection: "known" | "connecting" | "connected" | "disconnected";
  circuit: "closed" | "open" | "half-open";
  averageLatencyMs: number;
  isBanned: boolean;
  bannedAtMs: number | null;
  banReason: string | null;
  quarantine: { untilMs: number; reason: string } | null;
  /** 0–100; null while nothing is known. */
  qualityScore: number | null;
  quality: {
    minLatencyMs: number;
    maxLatencyMs: number;
    succeeded: number;
    failed: number;
    updatedAtMs: number;
  };
  health: PeerHealthMetrics | null;
  advertisedRegisters: Iterable<AdvertView>;
}
