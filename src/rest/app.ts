/**
 * Owns the REST listener. `node.ts` opens it with everything it may ask; handlers never reach
 * around `RestSource`. It never decides anything about registers or peers.
 */
import { Elysia } from "elysia";
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { type BearerOptions, bearerGate } from "./bearer.ts";
import { type Handler, type Reply, readCall, type Surroundings } from "./call.ts";
import { type EndpointName, type Endpoints, endpoints } from "./contract.ts";
import type { EndpointShape } from "./endpoint.ts";
import { describeApi } from "./openapi.ts";
import { routes } from "./routes.ts";
import type { RestSource } from "./source.ts";
import { errorReply } from "./status.ts";

export interface RestOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  jwt: BearerOptions;
  source: RestSource;
  nowMs: () => number;
  isProduction: boolean;
  /** Left out: only services and administrators manage peers. */
  managePeersByOrg?: boolean;
}

let listening: { app: Elysia; url: string } | null = null;

/** Listens; resolves to where. Throws `configuration` when host and port are not to be had. */
export async function open(options: RestOptions): Promise<{ url: string }> {
  assert(listening === null, "rest is opened once");
  const app = buildApp(options);
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  try {
    app.listen({ hostname: options.host, port: options.port, reusePort: false });
  } catch (thrown) {
    throw listenError(thrown, `${shownHost}:${options.port}`);
  }
  listening = { app, url: `http://${shownHost}:${app.server?.port}` };
  return { url: listening.url };
}

/** Stops listening, lets running answers end within `stopMs`, then cuts what is left. */
export async function close(): Promise<void> {
  const server = listening?.app.server;
  listening = null;
  if (!server) return;
  const drained = new AbortController();
  const cutting = systemClock
    .sleep(limits.stopMs / 2, drained.signal)
    .then(() => server.stop(true))
    .catch(() => undefined);
  await server.stop(false);
  drained.abort();
  await cutting;
}

/** The application without a listener: an ordinary value, for `open` and for tests. */
export function buildApp(options: RestOptions): Elysia {
  const around: Surroundings = {
    gate: bearerGate({ ...options.jwt, nowMs: options.nowMs }),
    managePeersByOrg: options.managePeersByOrg ?? false,
    source: options.source,
    nowMs: options.nowMs,
    startedAtMs: options.nowMs(),
  };
  const app = new Elysia({
    // The bound of a body is kept while reading it, where it can be answered in our own words.
    serve: { maxRequestBodySize: 2 ** 40, idleTimeout: 120 },
  });
  const guarded = (thrown: unknown) => secured(errorReply(thrown, options));
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: EndpointShape = endpoints[name];
    const handler = routes[name] as Handler<EndpointShape>;
    app.route(
      endpoint.method,
      endpoint.path.replace(/\{(\w+)\}/g, ":$1"),
      async ({ request, params, server }) => {
        try {
          const call = await readCall(endpoint, { request, params }, around);
          if (endpoint.responseType === "application/octet-stream") server?.timeout(request, 0);
          return secured(toResponse(endpoint, await handler(call)));
        } catch (thrown) {
          return guarded(thrown);
        }
      },
      { parse: "none" } as object,
    );
  }
  app.get("/", () => secured(new Response(greeting(options.source))));
  app.get("/openapi/v1.json", () => secured(Response.json(describeApi(options.source.version))));
  return app.onError(({ code, error, request }) => {
    if (code !== "NOT_FOUND") return guarded(error);
    return guarded(noSuchPath(request));
  }) as unknown as Elysia;
}

function toResponse(endpoint: EndpointShape, reply: Reply<Endpoints[EndpointName]>): Response {
  if ("stream" in reply) {
    return new Response(streamOf(reply.stream), {
      headers: { "content-type": endpoint.responseType ?? "application/octet-stream" },
    });
  }
  const settings = { status: reply.status ?? endpoint.status ?? 200, headers: reply.headers ?? {} };
  if (endpoint.responseType === "text/plain") return new Response(String(reply.body), settings);
  return Response.json(reply.body, settings);
}

/** Pulled by the reader's pace; ends the iteration when the reader goes away. */
function streamOf(parts: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const part = await iterator.next();
        if (part.done) controller.close();
        else controller.enqueue(part.value);
      },
      cancel: async () => void (await iterator.return?.()),
    },
    { highWaterMark: 1 },
  );
}

function secured(response: Response): Response {
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("x-frame-options", "DENY");
  response.headers.set("referrer-policy", "strict-origin-when-cross-origin");
  response.headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  response.headers.set("cache-control", "no-store");
  return response;
}

function greeting(source: RestSource): string {
  return `sorcha-peer ${source.version}, node ${source.nodeId}, peers at ${source.grpcAddress}\n`;
}

function noSuchPath(request: Request): PeerError {
  const { pathname } = new URL(request.url);
  return new PeerError("not-found", "no-such-path", {
    message: `There is nothing at ${request.method} ${pathname}`,
  });
}

function listenError(thrown: unknown, address: string): PeerError {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "EADDRINUSE") {
    return new PeerError("configuration", "port-taken", {
      message: `The HTTP port is taken: something else listens on ${address}`,
      facts: { address },
    });
  }
  return new PeerError("configuration", "cannot-listen", {
    message: `Cannot listen for HTTP on ${address}: ${messageOf(thrown)}`,
    facts: { address },
    cause: thrown,
  });
}
