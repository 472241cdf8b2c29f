import { channels } from "../peers/channels.ts";
import type { HeartbeatOptions } from "../peers/heartbeat.ts";
import * as network from "../peers/network.ts";
import { listRegisters } from "../registers/heads.ts";
import { diskUsagePercent, readVitals } from "../runtime/vitals.ts";
import { listSubscriptions } from "./subscriptions.ts";

/** How this node is, as its heartbeats tell it. */
export function healthMetrics(dataDir: string): ReturnType<HeartbeatOptions["metrics"]> {
  const vitals = readVitals();
  const syncs = listSubscriptions().filter((one) => one.syncState === "Syncing");
  return {
    activeConnections: network.gate().connectionCount() + channels().count(),
    cpuUsagePercent: vitals.cpuPercent,
    memoryUsageMb: vitals.memoryMb,
    diskUsagePercent: diskUsagePercent(dataDir),
    uptimeSeconds: vitals.uptimeSeconds,
    registerCount: listRegisters().length,
    pendingSyncs: syncs.length,
    isSyncing: syncs.length > 0,
  };
}
