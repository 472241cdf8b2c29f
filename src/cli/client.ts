import { isAbort, messageOf, PeerError } from "../base/error.ts";
import { type EndpointName, type Endpoints, endpoints } from "../rest/contract.ts";
import type { EndpointShape, ReplyOf } from "../rest/endpoint.ts";
import { errorSchema } from "../rest/schemas.ts";
import { kindOf } from "../rest/status.ts";

/** What a request carries; the contract says which of it an endpoint takes. */
export interface Input {
  params?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: object;
  /** The same as text, where its exact spelling matters. */
  bodyText?: string;
  rawBody?: Uint8Array;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A node's REST interface as this program's commands see it: typed by the contract. */
export class Client {
  constructor(
    readonly url: string,
    private readonly token: string | null,
  ) {}

  async call<Name extends EndpointName>(
    name: Name,
    input: Input = {},
  ): Promise<ReplyOf<Endpoints[Name]>> {
    const endpoint: EndpointShape = endpoints[name];
    const answer = await this.#ask(endpoint, input);
    const parsed = endpoint.response.safeParse(await this.#json(answer));
    if (parsed.success) return parsed.data as ReplyOf<Endpoints[Name]>;
    throw notANode(this.url);
  }

  /** A list's page, and how many match in all. */
  async list<Name extends EndpointName>(
    name: Name,
    input: Input = {},
  ): Promise<{ rows: ReplyOf<Endpoints[Name]>; total: number }> {
    const endpoint: EndpointShape = endpoints[name];
    const answer = await this.#ask(endpoint, input);
    const parsed = endpoint.response.safeParse(await this.#json(answer));
    const total = Number(answer.headers.get("x-total-count") ?? Number.NaN);
    if (!parsed.success || !Number.isSafeInteger(total)) throw notANode(this.url);
    return { rows: parsed.data as ReplyOf<Endpoints[Name]>, total };
  }

  /** Bytes as they come, read at the caller's pace. */
  async *stream(name: EndpointName, input: Input = {}): AsyncGenerator<Uint8Array> {
    const answer = await this.#ask(endpoints[name], input);
    try {
      for await (const part of answer.body ?? []) yield part;
    } catch (thrown) {
      throw unreachable(this.url, thrown);
    }
  }

  async #ask(endpoint: EndpointShape, input: Input): Promise<Response> {
    const headers: Record<string, string> = { ...input.headers };
    if (this.token !== null) headers.authorization = `Bearer ${this.token}`;
    if (input.rawBody !== undefined) headers["content-type"] = endpoint.rawBody ?? "";
    const { body: value, bodyText = value === undefined ? null : JSON.stringify(value) } = input;
    if (bodyText !== null) headers["content-type"] = "application/json";
    const body = input.rawBody ?? bodyText;
    try {
      const answer = await fetch(this.#address(endpoint, input), {
        method: endpoint.method,
        headers,
        body: body as BodyInit | null,
        signal: input.signal ?? null,
      });
      // What a probe says with 503 is its answer and no refusal.
      if (answer.ok || (endpoint.isProbe && answer.status === 503)) return answer;
      throw await refusal(answer, this.url);
    } catch (thrown) {
      if (thrown instanceof PeerError || isAbort(thrown)) throw thrown;
      throw unreachable(this.url, thrown);
    }
  }

  #address(endpoint: EndpointShape, input: Input): string {
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(String(input.params?.[name] ?? "")),
    );
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    return `${this.url}${path}${query.size === 0 ? "" : `?${query}`}`;
  }

  async #json(answer: Response): Promise<unknown> {
    try {
      return await answer.json();
    } catch {
      throw notANode(this.url);
    }
  }
}

/** The node's own words where it gave some. */
async function refusal(answer: Response, url: string): Promise<PeerError> {
  const text = await answer.text().catch(() => "");
  const parsed = errorSchema.safeParse(parsedOrNull(text));
  if (!parsed.success) return notANode(url);
  const { error, code, details } = parsed.data;
  return new PeerError(kindOf(answer.status), code, { message: error, facts: details ?? {} });
}

function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function notANode(url: string): PeerError {
  return new PeerError("network", "not-a-node", {
    message: `What answers at ${url} does not seem to be a node of this program`,
  });
}

function unreachable(url: string, thrown: unknown): PeerError {
  if (thrown instanceof PeerError) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return new PeerError("network", "node-unreachable", {
    message: `The node at ${url} cannot be reached: ${reasons[code] ?? messageOf(thrown)}`,
    cause: thrown,
  });
}

/** Bun's words for these end in advice that is none. */
const reasons: Record<string, string> = {
  ConnectionRefused: "nothing listens there",
  ECONNREFUSED: "nothing listens there",
  ConnectionClosed: "it broke the connection",
  ECONNRESET: "it broke the connection",
  FailedToOpenSocket: "there is no way to that address",
  ENOTFOUND: "there is no such host",
};
