import { noteContact, noteSilence } from "./contact.ts";
import { token } from "./session.ts";
import { type Answer, type Sent, type WayName, ways } from "./ways.ts";

/** Why a call did not do what was asked. `status` 0: the node did not answer at all. */
export class CallError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Asked<Name extends WayName> {
  params?: Record<string, string | number>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: Sent<Name>;
  /** Instead of `body`, where it is no JSON. */
  raw?: { text: string; contentType: string };
  signal?: AbortSignal;
}

/** One call of the operator's interface. Throws `CallError`. */
export async function call<Name extends WayName>(
  name: Name,
  asked: Asked<Name> = {},
): Promise<Answer<Name>> {
  return (await callWithTotal(name, asked)).body;
}

/** The same, with how many rows match; null where the answer does not say. */
export async function callWithTotal<Name extends WayName>(
  name: Name,
  asked: Asked<Name> = {},
): Promise<{ body: Answer<Name>; total: number | null }> {
  const response = await answerTo(name, asked);
  const total = response.headers.get("x-total-count");
  const body = (await response.json()) as Answer<Name>;
  return { body, total: total === null ? null : Number(total) };
}

/** An answer that is no JSON, whole; one of more than `bytesMax` is given up. */
export async function callForBytes(
  name: "pages",
  asked: Asked<"pages"> & { bytesMax: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await answerTo(name, asked);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    parts.push(part.value);
    length += part.value.length;
    if (length > asked.bytesMax) {
      await reader?.cancel();
      throw new CallError(0, "too-large", "The node's answer is larger than this page reads.");
    }
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function answerTo<Name extends WayName>(name: Name, asked: Asked<Name>): Promise<Response> {
  const [method = "GET", pattern = ""] = ways[name].split(" ");
  const { text, contentType = "application/json" } = asked.raw ?? {};
  const body = asked.body === undefined ? text : JSON.stringify(asked.body);
  const response = await send(pathOf(pattern, asked), {
    method,
    headers: headersOf(body === undefined ? null : contentType),
    ...(body === undefined ? {} : { body }),
    ...(asked.signal === undefined ? {} : { signal: asked.signal }),
  });
  if (!isUsable(name, response)) throw await refusalOf(response);
  return response;
}

/** An unhealthy node reports itself with 503 and a full report. */
function isUsable(name: WayName, response: Response): boolean {
  return response.ok || (response.status === 503 && (name === "healthReport" || name === "ready"));
}

async function send(path: string, request: RequestInit): Promise<Response> {
  try {
    const response = await fetch(path, { ...request, cache: "no-store" });
    noteContact();
    return response;
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === "AbortError") throw thrown;
    noteSilence();
    throw new CallError(0, "no-answer", "The node does not answer.");
  }
}

function pathOf(pattern: string, asked: Asked<WayName>): string {
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(asked.params?.[name] ?? "").toWellFormed()),
  );
  const query = Object.entries(asked.query ?? {}).filter(([, value]) => value !== undefined);
  if (query.length === 0) return path;
  return `${path}?${new URLSearchParams(query.map(([name, value]) => [name, String(value)]))}`;
}

function headersOf(contentType: string | null): Record<string, string> {
  return {
    accept: "application/json",
    ...(contentType === null ? {} : { "content-type": contentType }),
    ...(token.value === null ? {} : { authorization: `Bearer ${token.value}` }),
  };
}

async function refusalOf(response: Response): Promise<CallError> {
  const { status } = response;
  const told = (await response.json().catch(() => null)) as { error?: string; code?: string };
  const code = told?.code ?? `status-${status}`;
  const sentence = told?.error ?? `The node answers with status ${status}`;
  return new CallError(status, code, `${sentence}.${hintOf(response)}`);
}

/** What to do about it, where that is known. */
function hintOf(response: Response): string {
  switch (response.status) {
    case 401:
      return token.value === null
        ? " Enter one in Settings."
        : " Enter a new token in Settings: this one does not count (any longer).";
    case 403:
      return " Your token does not allow this.";
    case 429: {
      const seconds = response.headers.get("retry-after") ?? "60";
      return ` Try again in ${seconds} s.`;
    }
    default:
      return "";
  }
}
