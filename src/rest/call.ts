import type { z } from "zod";
import { textOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { jsonFault, placeOf } from "../base/json-scan.ts";
import { limits } from "../runtime/limits.ts";
import type { Caller, TokenGate } from "../trust/tokens.ts";
import { requireAccess } from "./auth.ts";
import type { BodyOf, EndpointShape, ParamsOf, QueryOf, ReplyOf } from "./endpoint.ts";
import type { RestSource } from "./source.ts";

/** One checked request: everything in it keeps the contract. */
export interface Call<E> {
  params: ParamsOf<E>;
  query: QueryOf<E>;
  body: BodyOf<E>;
  /** The body as it came; "" when the endpoint takes none. */
  bodyText: string;
  caller: Caller;
  gate: TokenGate;
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

export interface Surroundings {
  gate: TokenGate;
  /** Any member of an organisation may manage peers, as in the .NET service. */
  managePeersByOrg: boolean;
  source: RestSource;
  nowMs: () => number;
  startedAtMs: number;
}

/** A request as the web framework hands it over. */
export interface RawRequest {
  request: Request;
  params: Record<string, string>;
}

/** Checks who calls and what came, cheapest first: token, access, parameters, query, body. */
export async function readCall<E extends EndpointShape>(
  endpoint: E,
  raw: RawRequest,
  around: Surroundings,
): Promise<Call<E>> {
  const caller = await around.gate.callerOf(raw.request.headers.get("authorization"));
  requireAccess(caller, endpoint.access, around);
  const query = Object.fromEntries(new URL(raw.request.url).searchParams);
  const sentText = takesBody(endpoint) ? await readText(raw.request) : "";
  const bodyText = sentText === "" && endpoint.isBodyOptional ? "{}" : sentText;
  const call: Call<EndpointShape> = {
    params: readInput(endpoint.params, raw.params, "path") as undefined,
    query: readInput(endpoint.query, query, "query") as undefined,
    body:
      endpoint.body === undefined ? undefined : (readBody(endpoint.body, bodyText) as undefined),
    bodyText,
    caller,
    gate: around.gate,
    source: around.source,
    nowMs: around.nowMs(),
    uptimeMs: around.nowMs() - around.startedAtMs,
    signal: raw.request.signal,
  };
  return call as Call<E>;
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const fault = jsonFault(text) ?? { offset: 0, message: "expected JSON" };
    const place = placeOf(text, fault.offset);
    throw new PeerError("invalid", "bad-json", {
      message: `The body is not JSON: ${fault.message} at line ${place.line}, column ${place.column}`,
      facts: place,
    });
  }
}

/** The body's text, read in bounded memory whether or not the sender tells its length. */
async function readText(request: Request): Promise<string> {
  const told = Number(request.headers.get("content-length") ?? 0);
  if (told > limits.requestBodyBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > limits.requestBodyBytes) throw tooLarge();
    parts.push(part);
  }
  const text = textOf(Buffer.concat(parts));
  if (text !== null) return text;
  throw new PeerError("invalid", "bad-utf8", { message: "The body is not well-formed UTF-8" });
}

function tooLarge(): PeerError {
  const maxMiB = limits.requestBodyBytes / 2 ** 20;
  return new PeerError("too-large", "body-too-large", {
    message: `The body is larger than ${maxMiB} MiB`,
    facts: { bytesMax: limits.requestBodyBytes },
  });
}
