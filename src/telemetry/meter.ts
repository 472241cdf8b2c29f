/**
 * Owns the process's one meter, `Sorcha.Peer.Service`, and the numbers it keeps. Opened with
 * `telemetry.ts`; `recording.ts` writes to it, `/metrics` and the exporter read it. While it is
 * closed nothing is kept. It never asks the network anything: the exporter does, if there is one.
 */
import type { Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import { type IMetricReader, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { assert } from "../base/assert.ts";
import { type Instruments, makeInstruments } from "./instruments.ts";

interface Opened {
  provider: MeterProvider;
  reader: ScrapeReader;
  meter: Meter;
  instruments: Instruments;
}

/** Labels of one value. */
export type Labels = Record<string, string>;
/** Called for each value that a part has to tell, when somebody wants to know. */
export type Tell = (value: number, labels?: Labels) => void;

let opened: Opened | null = null;

export function open(options: {
  name: string;
  version: string;
  resource: Resource;
  readers: readonly IMetricReader[];
}): void {
  assert(opened === null, "the meter is opened once");
  const reader = new ScrapeReader();
  const { resource, readers } = options;
  const provider = new MeterProvider({ resource, readers: [reader, ...readers] });
  const meter = provider.getMeter(options.name, options.version);
  opened = { provider, reader, meter, instruments: makeInstruments(meter) };
}

/** Sends what an exporter has not sent yet; gives up after `timeoutMs`. */
export async function close(timeoutMs: number): Promise<void> {
  const closing = opened;
  opened = null;
  await closing?.provider.shutdown({ timeoutMillis: timeoutMs });
}

/** Null while nothing is kept. */
export function instruments(): Instruments | null {
  return opened === null ? null : opened.instruments;
}

/**
 * A value that is asked for when somebody wants to know it. Nothing happens while the meter is
 * closed. With `isCounter` it only grows.
 */
export function observe(
  name: string,
  about: { description: string; unit?: string; isCounter?: true },
  read: (tell: Tell) => void,
): void {
  if (opened === null) return;
  const { isCounter, ...told } = about;
  const { meter } = opened;
  const gauge = isCounter
    ? meter.createObservableCounter(name, told)
    : meter.createObservableGauge(name, told);
  gauge.addCallback((result) => read((value, labels) => result.observe(value, labels)));
}

/** In Prometheus' text format. */
export async function metricsText(): Promise<string> {
  if (opened === null) return "";
  const { resourceMetrics } = await opened.reader.collect();
  return new PrometheusSerializer(undefined, false, undefined, true, true).serialize(
    resourceMetrics,
  );
}

/** Collects when it is asked, and never by itself. */
class ScrapeReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
