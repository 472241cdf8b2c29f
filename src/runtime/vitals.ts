/**
 * How this process is doing, for heartbeats, metrics and health answers. Owns the watch over the
 * event loop; only measures, never decides.
 */
import { statfsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Vitals {
  /** Share of one core since the last reading, in percent. */
  cpuPercent: number;
  memoryMb: number;
  uptimeSeconds: number;
}

/** For heartbeats. */
export const readVitals: () => Vitals = vitalsMeter();

/** A meter of one's own: what one reader asks does not shorten what another one measures. */
export function vitalsMeter(): () => Vitals {
  let last = { atMs: 0, usedMs: 0 };
  return () => {
    const nowMs = performance.now();
    const { user, system } = process.cpuUsage();
    const usedMs = (user + system) / 1000;
    const sinceMs = Math.max(1, nowMs - last.atMs);
    const cpuPercent = ((usedMs - last.usedMs) / sinceMs) * 100;
    last = { atMs: nowMs, usedMs };
    return {
      cpuPercent: Math.round(cpuPercent * 10) / 10,
      memoryMb: Math.round(process.memoryUsage().rss / (1024 * 1024)),
      uptimeSeconds: Math.floor(process.uptime()),
    };
  };
}

/** Processor time used so far, all threads. */
export function readCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

/** Bytes by kind. */
export function memoryUse(): { resident: number; heap: number; external: number } {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed, external };
}

/** How late timers of the main thread ran. */
export interface LoopDelays {
  meanMs: number;
  p99Ms: number;
  maxMs: number;
}

/** Over the last one to two half-minutes; the first call begins the watch. */
export function loopDelays(): LoopDelays {
  loop ??= new LoopWatch();
  return loop.read(performance.now());
}

/**
 * Two histograms take turns, so that every stall is seen for at least half a minute, whoever asks
 * how often, and then forgotten.
 */
class LoopWatch {
  #young = beginLoopWatch();
  #old: IntervalHistogram | null = null;
  #turnedMs = performance.now();

  read(nowMs: number): LoopDelays {
    if (nowMs - this.#turnedMs >= loopTurnMs) {
      this.#old?.disable();
      this.#old = nowMs - this.#turnedMs >= 2 * loopTurnMs ? null : this.#young;
      this.#young = beginLoopWatch();
      this.#turnedMs = nowMs;
    }
    const both = [this.#young, this.#old].flatMap((one) => (one === null ? [] : delaysOf(one)));
    const worst = (of: (delays: LoopDelays) => number) => Math.max(0, ...both.map(of));
    return {
      meanMs: worst((one) => one.meanMs),
      p99Ms: worst((one) => one.p99Ms),
      maxMs: worst((one) => one.maxMs),
    };
  }
}

const loopTurnMs = 30_000;
/** How often the loop is looked at; part of every reading, and so taken off again. */
const loopResolutionMs = 20;
let loop: LoopWatch | null = null;
type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

function beginLoopWatch(): IntervalHistogram {
  const watch = monitorEventLoopDelay({ resolution: loopResolutionMs });
  watch.enable();
  return watch;
}

function delaysOf(watch: IntervalHistogram): LoopDelays {
  const msOf = (ns: number) =>
    Number.isFinite(ns) ? Math.max(0, ns / 1_000_000 - loopResolutionMs) : 0;
  if (watch.count === 0) return { meanMs: 0, p99Ms: 0, maxMs: 0 };
  return { meanMs: msOf(watch.mean), p99Ms: msOf(watch.percentile(99)), maxMs: msOf(watch.max) };
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
