import type { z } from "zod";
import { PeerError } from "../base/error.ts";
import type { Caller, TokenGate } from "../trust/tokens.ts";
import { type Arrival, admit, type Door } from "./admission.ts";
import { requireAccess } from "./auth.ts";
import { parseJson, readText } from "./body.ts";
import type { BodyOf, EndpointShape, ParamsOf, QueryOf, ReplyOf } from "./endpoint.ts";
import type { EventHub } from "./event-hub.ts";
import type { History } from "./history.ts";
import type { Attempt } from "./idempotency.ts";
import type { BriefMemory } from "./remember.ts";
import { urlOf } from "./request-url.ts";
import type { RestSource } from "./source.ts";
import type { TopologyJson } from "./topology-endpoints.ts";

/** One checked request: everything in it keeps the contract. */
export interface Call<E> {
  params: ParamsOf<E>;
  query: QueryOf<E>;
  body: BodyOf<E>;
  /** The body as it came; "" when the endpoint takes none. */
  bodyText: string;
  caller: Caller;
  /** Null unless the request carries an `Idempotency-Key`. */
  attempt: Attempt | null;
  gate: TokenGate;
  headers: Headers;
  events: EventHub;
  history: History;
  /** What was told of the mesh a moment ago, by what the caller may see. */
  topologies: BriefMemory<TopologyJson>;
  source: RestSource;
  nowMs: number;
  uptimeMs: number;
  /** Aborts when the caller hangs up. */
  signal: AbortSignal;
}

/** What a handler gives back: a value of the contract, or bytes as they become available. */
export type Reply<E> =
  | { body: ReplyOf<E>; status?: number; headers?: Record<string, string> }
  | { stream: AsyncIterable<Uint8Array> };

export type Handler<E> = (call: Call<E>) => Promise<Reply<E>> | Reply<E>;

export interface Surroundings extends Door {
  events: EventHub;
  history: History;
  topologies: BriefMemory<TopologyJson>;
  /** A body that takes longer is given up. */
  bodyMs: number;
  /** Any member of an organisation may manage peers, as in the .NET service. */
  managePeersByOrg: boolean;
  source: RestSource;
  nowMs: () => number;
  startedAtMs: number;
}

/** A request as the web framework hands it over. */
export interface RawRequest extends Arrival {
  params: Record<string, string>;
}

/** Checks who calls and what came, cheapest first: limits, token, access, parameters, body. */
export async function readCall<E extends EndpointShape>(
  endpoint: E,
  raw: RawRequest,
  around: Surroundings,
): Promise<Call<E>> {
  const caller = await admit(endpoint, raw, around);
  requireAccess(caller, endpoint.access, around);
  const query = readQuery(raw.request);
  const sentText = takesBody(endpoint) ? await readText(raw.request, around.bodyMs) : "";
  const bodyText = sentText === "" && endpoint.isBodyOptional ? "{}" : sentText;
  const call: Call<EndpointShape> = {
    params: readInput(endpoint.params, raw.params, "path") as undefined,
    query: readInput(endpoint.query, query, "query") as undefined,
    body:
      endpoint.body === undefined ? undefined : (readBody(endpoint.body, bodyText) as undefined),
    bodyText,
    caller,
    attempt: null,
    gate: around.gate,
    headers: raw.request.headers,
    events: around.events,
    history: around.history,
    topologies: around.topologies,
    source: around.source,
    nowMs: around.nowMs(),
    uptimeMs: around.nowMs() - around.startedAtMs,
    signal: raw.request.signal,
  };
  return call as Call<E>;
}

/** Which of two values was meant, nobody knows. */
function readQuery(request: Request): Record<string, string> {
  const given = urlOf(request).searchParams;
  const query = Object.fromEntries(given);
  const twice = Object.keys(query).find((name) => given.getAll(name).length > 1);
  if (twice === undefined) return query;
  throw new PeerError("invalid", "bad-query", {
    message: `The query parameter ${twice} is given more than once`,
    facts: { parameter: twice },
  });
}

function takesBody(endpoint: EndpointShape): boolean {
  return endpoint.body !== undefined || endpoint.rawBody !== undefined;
}

function readInput(schema: z.ZodObject | undefined, given: Record<string, string>, where: string) {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0] ?? where);
  throw new PeerError("invalid", `bad-${where}`, {
    message: `The ${where} parameter ${name} is not usable: ${issue?.message}`,
    facts: { parameter: name },
  });
}

function readBody(schema: z.ZodType, text: string): unknown {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 10).map((issue) => ({
    path: issue.path.join("."),
    message: issue.message,
  }));
  const first = issues[0];
  const place = first === undefined || first.path === "" ? "The body" : `The body's ${first.path}`;
  throw new PeerError("unprocessable", "schema", {
    message: `${place} is not usable: ${first?.message}`,
    facts: { issues },
  });
}
