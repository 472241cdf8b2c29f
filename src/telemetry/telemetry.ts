/**
 * Opens the meter, always, and the tracer and the exporters where a collector is configured. Owns
 * the words about a collector that does not answer: one line a minute. Metrics go there as they go
 * to `/metrics`; what it does not take is dropped, and nothing else waits for it.
 */
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import { messageOf } from "../base/error.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Config } from "../runtime/config.ts";
import { limits } from "../runtime/limits.ts";
import { logFor } from "../runtime/log.ts";
import { version } from "../runtime/version.ts";
import * as meter from "./meter.ts";
import { observeProcess } from "./process-figures.ts";
import * as tracer from "./tracer.ts";

const name = "Sorcha.Peer.Service";
const log = logFor("telemetry");

export type TelemetrySettings = Pick<
  Config,
  "otlpEndpoint" | "otlpHeaders" | "otlpMetricsMs" | "traceSampling"
>;

export function open(
  settings: TelemetrySettings,
  given: { nodeId: string; clock: Clock },
): { close: () => Promise<void> } {
  const resource = resourceFromAttributes({
    "service.name": "sorcha-peer",
    "service.version": version,
    "service.instance.id": given.nodeId,
  });
  const { otlpEndpoint, otlpMetricsMs } = settings;
  const about = { name, version, resource };
  if (otlpEndpoint === undefined) {
    meter.open({ ...about, readers: [] });
  } else {
    tellOfTroubles(given.clock);
    const exporter = new OTLPMetricExporter(exportTo("v1/metrics", settings));
    const exportTimeoutMillis = Math.min(limits.otlpMs, otlpMetricsMs);
    const exportIntervalMillis = otlpMetricsMs;
    const reader = { exporter, exportIntervalMillis, exportTimeoutMillis };
    meter.open({ ...about, readers: [new PeriodicExportingMetricReader(reader)] });
    const processor = new BatchSpanProcessor({
      exporter: new OTLPTraceExporter(exportTo("v1/traces", settings)),
      maxQueueSize: limits.spansWaiting,
      scheduledDelayMillis: limits.spansEveryMs,
      exportTimeoutMillis: limits.otlpMs,
    });
    tracer.open({ ...about, processor, share: settings.traceSampling });
  }
  observeProcess();
  return { close: () => close(given.clock) };
}

/** What is left is sent, within a bound: a collector that hangs must not hold up the stop. */
async function close(clock: Clock): Promise<void> {
  const waiting = new AbortController();
  const sent = Promise.allSettled([tracer.close(), meter.close(limits.otlpLastMs)]);
  await Promise.race([sent, clock.sleep(limits.otlpLastMs, waiting.signal).catch(() => undefined)]);
  waiting.abort();
}

function exportTo(path: string, settings: TelemetrySettings) {
  const base = settings.otlpEndpoint?.replace(/\/+$/, "");
  const headers = settings.otlpHeaders.map((pair): [string, string] => {
    const at = pair.indexOf("=");
    return [decodeURIComponent(pair.slice(0, at)), decodeURIComponent(pair.slice(at + 1))];
  });
  return {
    url: `${base}/${path}`,
    headers: Object.fromEntries(headers),
    timeoutMillis: limits.otlpMs,
    concurrencyLimit: 2,
  };
}

/** The library tells of troubles by globals of its own. */
function tellOfTroubles(clock: Clock): void {
  let toldMs = Number.NEGATIVE_INFINITY;
  const warn = (trouble: unknown) => {
    if (clock.monotonicMs() - toldMs < limits.otlpWarningMs) return;
    toldMs = clock.monotonicMs();
    log.warn({ reason: reasonOf(trouble) }, "The collector did not take metrics or traces");
  };
  setGlobalErrorHandler(warn);
  const quiet = () => {};
  const logger = { error: warn, warn, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

function reasonOf(trouble: unknown): string {
  return messageOf(trouble).slice(0, 300);
}
