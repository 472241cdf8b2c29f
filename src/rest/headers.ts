/** Headers that every answer has, and those that let pages of other origins read it. */
export class AnswerHeaders {
  readonly #origins: ReadonlySet<string>;

  constructor(corsOrigins: readonly string[]) {
    this.#origins = new Set(corsOrigins);
  }

  /** Adds them to the answer. */
  on(response: Response, request: Request): Response {
    const { headers } = response;
    for (const [name, value] of Object.entries(security)) {
      if (!headers.has(name)) headers.set(name, value);
    }
    const origin = request.headers.get("origin");
    if (this.#origins.size > 0) headers.append("vary", "origin");
    if (origin === null || !this.#origins.has(origin)) return response;
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", exposed);
    return response;
  }

  /** The answer to a browser that asks whether it may; null: it is no such question, or no. */
  preflight(request: Request): Response | null {
    const origin = request.headers.get("origin") ?? "";
    if (request.method !== "OPTIONS" || !this.#origins.has(origin)) return null;
    const headers = {
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
      "access-control-max-age": "600",
    };
    return new Response(null, { status: 204, headers });
  }
}

const exposed = "location, retry-after, x-total-count, idempotency-replayed";

const security: Record<string, string> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "strict-origin-when-cross-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
