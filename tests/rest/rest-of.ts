import * as rest from "../../src/rest/app.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type TokenClaims, TokenGate } from "../../src/trust/tokens.ts";
import { MemoryNode } from "./memory-node.ts";

export const jwt = {
  key: "a key of at least thirty-two bytes",
  issuer: "https://issuer.example",
  audience: "https://audience.example",
  clockSkewMs: 300_000,
};

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what the contract promises is what is tested
  body: any;
}

export interface Sent {
  token?: string;
  body?: unknown;
  text?: string | Uint8Array | ReadableStream;
  headers?: Record<string, string>;
  method?: string;
}

/** REST on a free port in front of a node in memory; the caller closes it with `rest.close`. */
export class Rest {
  readonly gate = new TokenGate({ ...jwt, nowMs: systemClock.nowMs });

  private constructor(
    readonly url: string,
    readonly node: MemoryNode,
  ) {}

  static async open(options: Partial<rest.RestOptions> = {}): Promise<Rest> {
    await rest.close();
    const node = new MemoryNode(systemClock.nowMs);
    const { url } = await rest.open({
      host: "127.0.0.1",
      port: 0,
      source: node,
      nowMs: systemClock.nowMs,
      isProduction: true,
      ...options,
      jwt: { ...jwt, isRevoked: (tokenId) => node.revoked.has(tokenId), ...options.jwt },
    });
    return new Rest(url, node);
  }

  mint(claims: Partial<TokenClaims> = {}): Promise<string> {
    return this.gate.mint({ subject: "tests", isService: true, lifetimeMs: 60_000, ...claims });
  }

  get(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send(path, { ...sent, method: "GET" });
  }

  post(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send(path, { ...sent, method: "POST" });
  }

  send(path: string, sent: Sent): Promise<Answer> {
    return send(this.url, path, sent);
  }
}

export async function send(url: string, path: string, sent: Sent): Promise<Answer> {
  const headers: Record<string, string> = { ...sent.headers };
  if (sent.token !== undefined) headers.authorization = `Bearer ${sent.token}`;
  const body = sent.text ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
  const answer = await fetch(url + path, {
    method: sent.method ?? "GET",
    headers,
    ...(body === undefined ? {} : { body: body as BodyInit, duplex: "half" }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json");
  return {
    status: answer.status,
    headers: answer.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}
