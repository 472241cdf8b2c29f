import type { AvailableView } from "../../src/rest/source.ts";
import type { MemoryNode } from "../rest/memory-node.ts";
import { newSubscription } from "../rest/memory-node.ts";
import { newPeerView } from "../rest/memory-peer-desk.ts";

/** Texts that a stranger may send to do harm, and what must not be left of them. */
export const hostile = {
  markup: `<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">`,
  long: "long ".repeat(2_000),
  rightToLeft: "\u202egnp.exe\u202c \u05e9\u05dc\u05d5\u05dd \u0627\u0644\u0633\u0644\u0627\u0645",
  controls: "a\u0000b\u0007c\u001b[31md\u200be\u2028f\ufeffg",
  tower: `z${"\u0301".repeat(300)}`,
  surrogate: "x\ud800y",
};

/** Fills a node in memory with as many peers and registers as are wanted, always the same ones. */
export function crowd(node: MemoryNode, counts: { peers: number; registers: number }): void {
  const nowMs = Date.now();
  const registers = Array.from({ length: counts.registers }, (_, index) => registerOf(index));
  node.available = registers;
  node.peers = Array.from({ length: counts.peers }, (_, index) => {
    const isConnected = index % 3 !== 2 || index < 3;
    return newPeerView(`peer-${String(index + 1).padStart(4, "0")}`, {
      address: `10.0.${index >> 8}.${index & 255}`,
      port: 5_001,
      isConnected,
      connection: isConnected ? "connected" : "disconnected",
      isSeedNode: index < 2,
      lastSeenMs: nowMs - (index % 50) * 1_000,
      failureCount: index % 17 === 5 ? 4 : 0,
      averageLatencyMs: 3 + ((index * 37) % 180),
      qualityScore: 20 + ((index * 53) % 80),
      isBanned: index % 41 === 40,
      banReason: index % 41 === 40 ? "It served a forged docket" : null,
      bannedAtMs: index % 41 === 40 ? nowMs - 3_600_000 : null,
      advertisedRegisters: registers.slice(index % 7, (index % 7) + 4).map((one) => ({
        registerId: one.registerId,
        syncState: "FullyReplicated",
        latestVersion: one.latestVersion,
        latestDocketVersion: one.latestDocketVersion,
        isPublic: true,
      })),
    });
  });
  node.subscriptions = registers.slice(0, Math.ceil(counts.registers / 2)).map((one, index) => ({
    ...newSubscription({ registerId: one.registerId, mode: "FullReplica" }),
    ...progressOf(one, index),
  }));
}

function registerOf(index: number): AvailableView {
  const topics = ["debian-packages", "air-quality", "land-registry", "credentials", "shipments"];
  const docket = 100 + ((index * 977) % 90_000);
  return {
    registerId: `${(index + 1).toString(16).padStart(4, "0")}${"9f3c".repeat(7)}`,
    name: `${topics[index % topics.length]}-${index + 1}`,
    description: "Measurements as they were signed, from the stations of one region",
    peerCount: 1 + (index % 9),
    latestVersion: docket * 90,
    latestDocketVersion: docket,
    isPublic: true,
    fullReplicaPeerCount: 1 + (index % 4),
    genesisHash: "ab".repeat(32),
  };
}

function progressOf(register: AvailableView, index: number) {
  const total = register.latestDocketVersion + 1;
  const isSyncing = index % 9 === 1;
  const isStopped = index % 23 === 4;
  const held = isSyncing ? Math.floor(total * 0.37) : total;
  return {
    syncState: isStopped ? "Error" : isSyncing ? "Syncing" : "FullyReplicated",
    lastSyncedDocketVersion: held - 1,
    totalDocketsInChain: total,
    syncProgressPercent: (held / total) * 100,
    isReceiving: !isStopped,
    docketsPerSecond: isSyncing ? 41 : 0,
    transactionsPerSecond: isSyncing ? 3_690 : 0,
    sourcePeerId: isStopped ? null : "peer-0001",
    errorCode: isStopped ? "link" : null,
    errorMessage: isStopped
      ? "Peer peer-0007 served something false in docket 812: its previous hash is another"
      : null,
    consecutiveFailures: isStopped ? 3 : 0,
    verification: "sealed",
  } as const;
}
