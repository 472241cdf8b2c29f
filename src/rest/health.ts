import type { TrustStatus } from "../trust/trust.ts";
import type { Call, Reply } from "./call.ts";
import type { Endpoints } from "./contract.ts";
import { isHealthy } from "./peers.ts";
import type { RestSource } from "./source.ts";

export function live(): Reply<Endpoints["live"]> {
  return { body: "ok\n" };
}

export function alive(): Reply<Endpoints["alive"]> {
  return { body: "Healthy" };
}

export async function ready(call: Call<Endpoints["ready"]>): Promise<Reply<Endpoints["ready"]>> {
  const { checks, isWell, warnings } = await stateOf(call.source);
  const trouble = isWell ? null : call.source.storeTrouble();
  const reason =
    trouble === null ? {} : { reason: { code: trouble.code, message: trouble.message } };
  return {
    status: isWell ? 200 : 503,
    body: { status: isWell ? "ready" : "not-ready", checks, ...reason, warnings },
  };
}

export async function health(call: Call<Endpoints["health"]>): Promise<Reply<Endpoints["health"]>> {
  const { isWell, word } = await stateOf(call.source);
  return { status: isWell ? 200 : 503, body: `${word.charAt(0).toUpperCase()}${word.slice(1)}` };
}

export async function metrics(
  call: Call<Endpoints["metrics"]>,
): Promise<Reply<Endpoints["metrics"]>> {
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return { body: await call.source.metricsText(), headers };
}

export async function healthReport(
  call: Call<Endpoints["healthReport"]>,
): Promise<Reply<Endpoints["healthReport"]>> {
  const { checks, isWell, warnings, word } = await stateOf(call.source);
  const peers = call.source.listPeers();
  const healthy = peers.filter((peer) => isHealthy(peer, call.nowMs));
  const latencies = healthy.map((peer) => peer.averageLatencyMs).filter((ms) => ms > 0);
  const latencySum = latencies.reduce((sum, ms) => sum + ms, 0);
  return {
    status: isWell ? 200 : 503,
    body: {
      status: word,
      ...(isWell ? {} : { error: whyUnwell(call.source) }),
      warnings,
      checks,
      service: "peer-service",
      nodeId: call.source.nodeId,
      timestamp: new Date(call.nowMs).toISOString(),
      version: call.source.version,
      uptime: uptimeText(call.uptimeMs),
      peerSecurity: securityOf(call.source.trustStatus()),
      metrics: {
        totalPeers: peers.length,
        healthyPeers: healthy.length,
        unhealthyPeers: peers.length - healthy.length,
        averageLatencyMs: latencies.length === 0 ? 0 : latencySum / latencies.length,
        queueSize: call.source.queueSize(),
      },
    },
  };
}

function whyUnwell(source: RestSource): string {
  return source.storeTrouble()?.message ?? "Something that this node needs does not work";
}

/** One that should be looked at serves all the same: probes must not restart it. */
async function stateOf(source: RestSource) {
  const checks = await source.checks();
  const isWell = Object.values(checks).every(Boolean);
  const warnings = source.ambers().map((amber) => ({ ...amber }));
  const isAmber = warnings.some(({ level }) => level === "warning");
  const word = !isWell ? "unhealthy" : isAmber ? "degraded" : "healthy";
  return { checks, isWell, warnings, word } as const;
}

function securityOf(status: TrustStatus) {
  const timeOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    peerAuth: status.peerAuth,
    isEncrypted: status.isEncrypted,
    certificateExpiresAt: timeOf(status.certificateExpiresAtMs),
    authorityExpiresAt: timeOf(status.authorityExpiresAtMs),
  };
}

/** dd.hh:mm:ss */
function uptimeText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const two = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const time = [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  return `${two(days)}.${time.map(two).join(":")}`;
}
