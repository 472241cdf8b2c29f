/**
 * Owns the REST listener. `node.ts` opens it with everything it may ask; handlers never reach
 * around `RestSource`. It never decides anything about registers or peers.
 */
import { Elysia } from "elysia";
import { assert } from "../base/assert.ts";
import { messageOf, PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { limits } from "../runtime/limits.ts";
import { CallerAddresses } from "./address.ts";
import { admit } from "./admission.ts";
import { apiPages } from "./api-pages.ts";
import { type BearerOptions, bearerGate } from "./bearer.ts";
import { type Call, type Handler, type Reply, readCall, type Surroundings } from "./call.ts";
import { type EndpointName, type Endpoints, endpoints } from "./contract.ts";
import type { EndpointShape } from "./endpoint.ts";
import { EventHub } from "./event-hub.ts";
import { AnswerHeaders } from "./headers.ts";
import { History } from "./history.ts";
import { IdempotentAnswers, keyedRequest } from "./idempotency.ts";
import { type LoadPage, Page } from "./page.ts";
import { type RateSettings, Rates } from "./rates.ts";
import { BriefMemory } from "./remember.ts";
import { urlOf } from "./request-url.ts";
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
  /** Left out: the defaults of the settings. */
  protection?: Partial<Protection>;
  /** Left out: there is no dashboard. */
  loadPage?: LoadPage;
}

export interface Protection extends RateSettings {
  trustedProxies: readonly string[];
  corsOrigins: readonly string[];
  /** A body that takes longer is given up. */
  bodyMs: number;
}

let listening: (Built & { url: string }) | null = null;

interface Built {
  app: Elysia;
  events: EventHub;
  history: History;
  rates: Rates;
}

/** Listens; resolves to where. Throws `configuration` when host and port are not to be had. */
export async function open(options: RestOptions): Promise<{ url: string }> {
  assert(listening === null, "rest is opened once");
  const built = build(options);
  const { app } = built;
  const shownHost = options.host.includes(":") ? `[${options.host}]` : options.host;
  try {
    app.listen({ hostname: options.host, port: options.port, reusePort: false });
  } catch (thrown) {
    throw listenError(thrown, `${shownHost}:${options.port}`);
  }
  built.history.start();
  listening = { ...built, url: `http://${shownHost}:${app.server?.port}` };
  return { url: listening.url };
}

/** The rates of the next requests; nothing when it is not open. */
export function changeRates(settings: RateSettings): void {
  listening?.rates.change(settings);
}

/** Readers of `/api/events` at present. */
export function eventReaders(): { count: number; deepestBacklog: number } {
  const { readerCount: count, deepestBacklog } = listening?.events ?? nobody;
  return { count, deepestBacklog };
}

const nobody = { readerCount: 0, deepestBacklog: 0 };

/** Stops listening, lets running answers end within `stopMs`, then cuts what is left. */
export async function close(): Promise<void> {
  const server = listening?.app.server;
  await listening?.events.close();
  await listening?.history.close();
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
  return build(options).app;
}

function build(options: RestOptions): Built {
  const protection: Protection = { ...unlessTold, ...options.protection };
  const around: Surroundings = {
    gate: bearerGate({ ...options.jwt, nowMs: options.nowMs }),
    rates: new Rates(protection, options.nowMs),
    addresses: new CallerAddresses(protection.trustedProxies),
    events: new EventHub(options.source, systemClock),
    history: new History(options.source, systemClock),
    topologies: new BriefMemory({ keepMs: 0, clock: systemClock }),
    bodyMs: protection.bodyMs,
    managePeersByOrg: options.managePeersByOrg ?? false,
    source: options.source,
    nowMs: options.nowMs,
    startedAtMs: options.nowMs(),
  };
  const headers = new AnswerHeaders(protection.corsOrigins);
  const answered = new IdempotentAnswers(options.source.answers, options.nowMs);
  const app = new Elysia({
    // The bound of a body is kept while reading it, where it can be answered in our own words.
    serve: { maxRequestBodySize: 2 ** 40, idleTimeout: 120 },
  });
  /** The answer, or what became of the attempt, with the headers that every answer has. */
  const answering = async (request: Request, answer: () => Promise<Response>) => {
    const response = await answer().catch((thrown) => errorReply(thrown, options));
    return headers.on(response, request);
  };
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: EndpointShape = endpoints[name];
    const handler = routes[name] as Handler<EndpointShape>;
    app.route(
      endpoint.method,
      endpoint.path.replace(/\{(\w+)\}/g, ":$1"),
      ({ request, params, server }) =>
        answering(request, async () => {
          const address = addressOf(server, request);
          const call = await readCall(endpoint, { request, params, address }, around);
          if (isStreaming(endpoint)) server?.timeout(request, 0);
          return respond(endpoint, request, { call, handler, answered });
        }),
      { parse: "none" } as object,
    );
  }
  for (const [path, page] of Object.entries(pagesOf(options))) {
    app.get(path, ({ request, server }) =>
      answering(request, async () => {
        await admit({ method: "GET" }, { request, address: addressOf(server, request) }, around);
        return (await page(request)) ?? Promise.reject(noSuchPath(request));
      }),
    );
  }
  app.onError(({ code, error, request, server }) =>
    answering(request, async () => {
      if (code !== "NOT_FOUND") throw error;
      const preflight = headers.preflight(request);
      if (preflight !== null) return preflight;
      await admit({ method: "GET" }, { request, address: addressOf(server, request) }, around);
      throw noSuchPath(request);
    }),
  );
  const { events, history, rates } = around;
  return { app: app as unknown as Elysia, events, history, rates };
}

/** What is not of the contract: pages for people, and the contract itself. Null: not found. */
function pagesOf(
  options: RestOptions,
): Record<string, (request: Request) => Response | null | Promise<Response | null>> {
  const { source } = options;
  const page = options.loadPage === undefined ? null : new Page(options.loadPage);
  return {
    "/": async (request) => {
      // Who does not ask for a page gets the line of text that the reference service gives.
      const isWanted = request.headers.get("accept")?.includes("text/html") ?? false;
      const answer = isWanted ? await page?.answer("", request) : null;
      return answer ?? new Response(greeting(source));
    },
    ...apiPages(source.version),
    "/:file": (request) => page?.answer(urlOf(request).pathname.slice(1), request) ?? null,
  };
}

const unlessTold: Protection = {
  readsPerMinute: 1_000,
  writesPerMinute: 100,
  servicePerMinute: 60_000,
  trustedProxies: [],
  corsOrigins: [],
  bodyMs: limits.requestBodyMs,
};

function addressOf(server: Elysia["server"], request: Request): string | null {
  return server?.requestIP(request)?.address ?? null;
}

function isStreaming(endpoint: EndpointShape): boolean {
  return /octet-stream|event-stream/.test(endpoint.responseType ?? "");
}

async function respond(
  endpoint: EndpointShape,
  request: Request,
  given: {
    call: Call<EndpointShape>;
    handler: Handler<EndpointShape>;
    answered: IdempotentAnswers;
  },
): Promise<Response> {
  const { call, handler } = given;
  const keyed = endpoint.takesIdempotencyKey ? keyedRequest(request, call) : null;
  if (keyed === null) return toResponse(endpoint, await handler(call));
  const { reply, isRepeated } = await given.answered.run(keyed, async (attempt) =>
    handler({ ...call, attempt }),
  );
  const response = toResponse(endpoint, reply);
  if (isRepeated) response.headers.set("idempotency-replayed", "true");
  return response;
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

function greeting(source: RestSource): string {
  return `sorcha-peer ${source.version}, node ${source.nodeId}, peers at ${source.grpcAddress}\n`;
}

function noSuchPath(request: Request): PeerError {
  const { pathname } = urlOf(request);
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
