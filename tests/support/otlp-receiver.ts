/** A collector of the tests: takes OTLP over HTTP as JSON, and keeps what it gets. */
export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  /** Of the node that sent it. */
  nodeId: string;
  kind: number;
  attributes: Record<string, string>;
}

interface OtlpAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface OtlpTraces {
  resourceSpans?: {
    resource: { attributes: OtlpAttribute[] };
    scopeSpans: {
      spans: (Omit<ReceivedSpan, "nodeId" | "attributes"> & { attributes: OtlpAttribute[] })[];
    }[];
  }[];
}

interface OtlpMetrics {
  resourceMetrics?: { scopeMetrics: { scope: { name: string }; metrics: { name: string }[] }[] }[];
}

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly metricNames = new Set<string>();
  readonly meters = new Set<string>();
  readonly headers: (string | null)[] = [];
  readonly #server: ReturnType<typeof Bun.serve>;

  constructor() {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        const body = await request.json();
        this.headers.push(request.headers.get("x-tenant"));
        if (pathname === "/v1/traces") this.#takeSpans(body as OtlpTraces);
        else if (pathname === "/v1/metrics") this.#takeMetrics(body as OtlpMetrics);
        else return new Response(null, { status: 404 });
        return Response.json({});
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async close(): Promise<void> {
    await this.#server.stop(true);
  }

  #takeSpans({ resourceSpans = [] }: OtlpTraces): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const nodeId = textsOf(resource.attributes)["service.instance.id"] ?? "";
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        this.spans.push({ ...span, nodeId, attributes: textsOf(span.attributes) });
      }
    }
  }

  #takeMetrics({ resourceMetrics = [] }: OtlpMetrics): void {
    for (const { scope, metrics } of resourceMetrics.flatMap((one) => one.scopeMetrics)) {
      this.meters.add(scope.name);
      for (const { name } of metrics) this.metricNames.add(name);
    }
  }
}

function textsOf(attributes: readonly OtlpAttribute[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]),
  );
}
