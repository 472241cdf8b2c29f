/**
 * How this process is doing, for heartbeats and health answers. Owns the reading of the last CPU
 * sample; only measures, never decides.
 */
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

/** Cores that this process may use. */
export function coreCount(): number {
  return navigator.hardwareConcurrency;
}

export function processId(): number {
  return process.pid;
}
