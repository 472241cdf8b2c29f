/**
 * Owns the process's one tracer, `Sorcha.Peer.Service`, and what the code that runs at a moment is
 * part of. Opened with `telemetry.ts`, and only where spans are sent anywhere: while it is closed
 * every span is the same empty one and costs nothing. Nothing waits for an exporter.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { parseTraceParent, TRACE_PARENT_HEADER } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  ParentBasedSampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { assert } from "../base/assert.ts";
import { isAbort, messageOf, PeerError } from "../base/error.ts";

/** The six of the reference service, and what a source does for a sync of another node. */
export type SpanName =
  | "peer.connection.connect"
  | "peer.connection.failover"
  | "peer.sync.full"
  | "peer.sync.incremental"
  | "peer.sync.serve"
  | "peer.heartbeat.send"
  | "peer.notification.receive";

export type SpanFacts = Record<string, string | number | boolean>;

export interface SpanOptions {
  side: "client" | "server";
  facts?: SpanFacts;
  /** The caller's `traceparent`; null or left out: what this code is part of, if anything. */
  parent?: string | null;
  /** Begins a trace of its own, whatever this code is part of. */
  isRoot?: true;
  /** Unix ms, for what began before it was known to matter. */
  startedAtMs?: number;
}

export interface Span {
  note(facts: SpanFacts): void;
  /** Ends it; an error, unless we gave it up ourselves, makes it a failed one. Once counts. */
  end(error?: unknown): void;
  /** Runs the work as a part of it: calls that it makes carry its name, and lines it logs. */
  within<T>(work: () => T): T;
}

let opened: { provider: TracerProvider; tracer: Tracer } | null = null;
const current = new AsyncLocalStorage<Context>();

export function open(options: {
  name: string;
  version: string;
  resource: Resource;
  processor: SpanProcessor;
  /** Share of traces that are kept, 0 to 1. */
  share: number;
}): void {
  assert(opened === null, "the tracer is opened once");
  const share = new TraceIdRatioBasedSampler(options.share);
  const provider = new TracerProvider({
    resource: options.resource,
    spanProcessors: [options.processor],
    // A peer's wish to be traced does not decide what we send: the same share of traces is kept
    // by every node, and by their number alone.
    sampler: new ParentBasedSampler({ root: share, remoteParentSampled: share }),
    spanLimits: { attributeCountLimit: 32, attributeValueLengthLimit: 512, eventCountLimit: 16 },
  });
  opened = { provider, tracer: provider.getTracer(options.name, options.version) };
}

/** Sends what is left; resolves in any case. */
export async function close(): Promise<void> {
  const closing = opened;
  opened = null;
  await closing?.provider.shutdown().catch(() => undefined);
}

export function beginSpan(name: SpanName, options: SpanOptions): Span {
  if (opened === null) return emptySpan;
  const { side, facts, startedAtMs } = options;
  const parent = options.isRoot ? ROOT_CONTEXT : contextOf(options.parent ?? null);
  const span = opened.tracer.startSpan(
    name,
    {
      kind: side === "client" ? SpanKind.CLIENT : SpanKind.SERVER,
      ...(facts === undefined ? {} : { attributes: facts }),
      ...(startedAtMs === undefined ? {} : { startTime: startedAtMs }),
    },
    parent,
  );
  return new RunningSpan(span, trace.setSpan(parent, span));
}

/** A span around the work; it fails when that throws. */
export async function inSpan<T>(
  name: SpanName,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = beginSpan(name, options);
  try {
    const result = await span.within(() => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

/** What the code that runs now is part of, for log lines; null: of nothing. */
export function currentTraceId(): string | null {
  return spanContextNow()?.traceId ?? null;
}

/** W3C headers that go along with a call, so that its other side belongs to the same trace. */
export function traceHeaders(): Record<string, string> {
  const now = spanContextNow();
  if (now === null) return noHeaders;
  const flags = now.traceFlags.toString(16).padStart(2, "0");
  return { [TRACE_PARENT_HEADER]: `00-${now.traceId}-${now.spanId}-${flags}` };
}

const noHeaders: Record<string, string> = {};

function spanContextNow() {
  if (opened === null) return null;
  const now = current.getStore();
  return now === undefined ? null : (trace.getSpanContext(now) ?? null);
}

function contextOf(parent: string | null): Context {
  const remote = parent === null ? null : parseTraceParent(parent);
  if (remote === null) return current.getStore() ?? ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true });
}

class RunningSpan implements Span {
  #isEnded = false;

  constructor(
    private readonly span: OtelSpan,
    private readonly inside: Context,
  ) {}

  note(facts: SpanFacts): void {
    this.span.setAttributes(facts);
  }

  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const hasFailed = error !== undefined && !isAbort(error);
    this.span.setAttribute("success", !hasFailed);
    if (hasFailed) {
      const code = error instanceof PeerError ? error.code : "internal";
      this.span.setAttribute("error.type", code);
      this.span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error).slice(0, 300) });
    }
    this.span.end();
  }

  within<T>(work: () => T): T {
    return current.run(this.inside, work);
  }
}

const emptySpan: Span = { note: () => {}, end: () => {}, within: (work) => work() };
