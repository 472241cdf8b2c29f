/**
 * How this process is doing, for heartbeats and health answers. Owns the reading of the last CPU
 * sample; only measures, never decides.
 */
import { statfsSync } from "node:fs";
import { networkInterfaces } from "node:os";

let lastCpu = { atMs: 0, usedMs: 0 };

export interface Vitals {
  /** Share of one core since the last reading, in percent. */
  cpuPercent: number;
  memoryMb: number;
  uptimeSeconds: number;
}

export function readVitals(): Vitals {
  const nowMs = performance.now();
  const { user, system } = process.cpuUsage();
  const usedMs = (user + system) / 1000;
  const sinceMs = Math.max(1, nowMs - lastCpu.atMs);
  const cpuPercent = ((usedMs - lastCpu.usedMs) / sinceMs) * 100;
  lastCpu = { atMs: nowMs, usedMs };
  return {
    cpuPercent: Math.round(cpuPercent * 10) / 10,
    memoryMb: Math.round(process.memoryUsage().rss / (1024 * 1024)),
    uptimeSeconds: Math.floor(process.uptime()),
  };
}

/** How full the disk of a directory is; 0 where that can't be asked. */
export function diskUsagePercent(path: string): number {
  try {
    const { blocks, bavail } = statfsSync(path);
    return blocks === 0 ? 0 : Math.round((1 - bavail / blocks) * 1_000) / 10;
  } catch {
    return 0;
  }
}

/** An address of this machine that others could know it by, IPv4 and not loopback; null: none. */
export function machineAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const others = all.filter((address) => !address.internal && address.family === "IPv4");
  return others[0]?.address ?? null;
}

/** Cores that this process may use. */
export function coreCount(): number {
  return navigator.hardwareConcurrency;
}

export function processId(): number {
  return process.pid;
}
