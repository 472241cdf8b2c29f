import { expect } from "bun:test";
import { z } from "zod";
import { type Answer, send } from "./rest-of.ts";

interface Operation {
  operationId: string;
  "x-access": string;
  parameters: {
    name: string;
    in: string;
    required: boolean;
    schema: z.core.JSONSchema.JSONSchema;
  }[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, { content: Record<string, { schema: z.core.JSONSchema.JSONSchema }> }>;
  security?: unknown[];
}

export interface Listed {
  method: string;
  path: string;
  operation: Operation;
}

/** Walks the OpenAPI document as a stranger would: it alone says what there is to call. */
export class ContractWalk {
  private constructor(
    readonly listed: Listed[],
    private readonly errorSchema: z.ZodType,
    private readonly told: ContractTold,
  ) {}

  static async open(told: ContractTold): Promise<ContractWalk> {
    const { body } = await send(told.url, "/openapi/v1.json", {});
    const listed = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
      })),
    );
    return new ContractWalk(listed, z.fromJSONSchema(body.components.schemas.Error), told);
  }

  /** Good input, every operation once; gives those that were refused. */
  async good(): Promise<string[]> {
    const refused: string[] = [];
    for (const one of this.#ordered()) {
      const token =
        one.operation.operationId === "revokeOwnToken"
          ? await this.told.mintToken()
          : this.told.service;
      const answer = await this.#call(one, { token, body: this.#bodyOf(one), isGood: true });
      this.#keeps(one, answer);
      if (answer.status >= 300) refused.push(`${one.operation.operationId} ${answer.status}`);
    }
    return refused;
  }

  /** No token where one is needed, and one that does not do. */
  async unauthorised(): Promise<void> {
    for (const one of this.listed.filter(({ operation }) => operation.security !== undefined)) {
      const missing = await this.#call(one, { body: this.#bodyOf(one) });
      expect([one.operation.operationId, missing.status]).toEqual([one.operation.operationId, 401]);
      this.#keeps(one, missing);
      if (one.operation["x-access"] === "authenticated") continue;
      const forbidden = await this.#call(one, { token: this.told.user, body: this.#bodyOf(one) });
      expect([one.operation.operationId, forbidden.status]).toEqual([
        one.operation.operationId,
        403,
      ]);
      this.#keeps(one, forbidden);
    }
  }

  /** Parameters and bodies that nobody should send. */
  async malformed(): Promise<void> {
    for (const one of this.listed) {
      for (const parameter of one.operation.parameters.filter((each) => each.in === "query")) {
        for (const value of ["", " ", "-1", "x".repeat(9_000), "%00", "[object Object]"]) {
          const answer = await this.#call(one, {
            token: this.told.service,
            body: this.#bodyOf(one),
            query: { [parameter.name]: value },
          });
          this.#keeps(one, answer);
        }
      }
      for (const name of ["registerId", "peerId", "docketNumber", "transactionId"]) {
        if (!one.path.includes(`{${name}}`)) continue;
        for (const value of ["a b", "x".repeat(300), "/../..", "-1", "%2e%2e%2f"]) {
          const answer = await this.#call(one, {
            token: this.told.service,
            body: this.#bodyOf(one),
            params: { [name]: value },
          });
          this.#keeps(one, answer);
          expect(answer.status).toBeGreaterThanOrEqual(400);
        }
      }
      if (one.operation.requestBody === undefined) continue;
      for (const body of ["{", "[]", "7", '{"no":"such field"}', "\u0000", '"text"', "null"]) {
        const answer = await this.#call(one, { token: this.told.service, body });
        this.#keeps(one, answer);
      }
    }
  }

  /** In an order in which each finds what it needs: what ends something comes last. */
  #ordered(): Listed[] {
    const isEnd = ({ method, operation }: Listed) => {
      if (operation.operationId === "removePeer") return 2;
      if (operation.operationId === "purgeCache") return 2;
      return method === "DELETE" ? 1 : 0;
    };
    return this.listed.toSorted((left, right) => isEnd(left) - isEnd(right));
  }

  #bodyOf(one: Listed): unknown {
    if (one.operation.requestBody === undefined) return undefined;
    const name = one.operation.operationId;
    if (name in this.told.bodies) return this.told.bodies[name];
    throw new Error(`The walk has no body for ${name}`);
  }

  async #call(
    one: Listed,
    sent: {
      token?: string;
      body?: unknown;
      query?: Record<string, string>;
      params?: Record<string, string>;
      isGood?: boolean;
    },
  ): Promise<Answer> {
    const own = sent.isGood ? this.told.paths[one.operation.operationId] : undefined;
    const path = (own ?? one.path).replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(sent.params?.[name] ?? this.told.values[name] ?? "none"),
    );
    const needed = one.operation.parameters
      .filter(
        (parameter) => parameter.in === "query" && this.told.values[parameter.name] !== undefined,
      )
      .filter((parameter) => parameter.name !== "registerId")
      .map((parameter) => [parameter.name, this.told.values[parameter.name] ?? ""]);
    const query = new URLSearchParams({ ...Object.fromEntries(needed), ...sent.query });
    const isStream = one.operation.operationId === "events";
    const text = typeof sent.body === "string" ? { text: sent.body } : { body: sent.body };
    const request = {
      method: one.method,
      ...(sent.token === undefined ? {} : { token: sent.token }),
      ...(sent.body === undefined ? {} : text),
    };
    if (!isStream) return send(this.told.url, `${path}?${query}`, request);
    const hangUp = new AbortController();
    const answer = await fetch(`${this.told.url}${path}?${query}`, { signal: hangUp.signal });
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    const body = isJson ? await answer.json() : "";
    hangUp.abort();
    return { status: answer.status, headers: answer.headers, body };
  }

  /** The status is one that the document names, and the answer is of the schema that it gives. */
  #keeps(one: Listed, answer: Answer): void {
    const name = `${one.method} ${one.path} → ${answer.status} ${JSON.stringify(answer.body)}`;
    if (answer.status >= 500) throw new Error(name);
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    if (answer.status >= 400) {
      if (!(String(answer.status) in one.operation.responses)) throw new Error(`unlisted: ${name}`);
      expect(this.errorSchema.safeParse(answer.body)).toMatchObject({ success: true });
      return;
    }
    if (!isJson) return;
    const [described] = Object.entries(one.operation.responses).find(([status]) =>
      /^2/.test(status),
    )!;
    const schema = one.operation.responses[described]?.content["application/json"]?.schema;
    if (schema === undefined) throw new Error(`no schema: ${name}`);
    const parsed = z.fromJSONSchema(schema).safeParse(answer.body);
    if (!parsed.success) throw new Error(`${name}: ${parsed.error.message}`);
  }
}

/** What the walk is told: where, what to fill in, and who calls. */
export interface ContractTold {
  url: string;
  service: string;
  user: string;
  mintToken: () => Promise<string>;
  /** Parameters by name. */
  values: Record<string, string>;
  /** What each operation that takes a body is sent; one without an entry fails the walk. */
  bodies: Record<string, unknown>;
  /** Where an operation's good call goes, if not to the path made of `values`. */
  paths: Record<string, string>;
}

/** What operations that take a body are sent; more comes from whoever sets the stage. */
export const goodBodies: Record<string, unknown> = {
  createRegister: { name: "made" },
  changePolicy: { description: "changed" },
  subscribe: { mode: "full-replica" },
  submitTransaction: { data: { a: 1 } },
  importRecords: '{"a":1}\n',
  revokeToken: { tokenId: "some-id" },
  addPeer: { address: "127.0.0.1:1" },
  banPeer: { reason: "for the test" },
  advertise: { isPublic: true },
  initThreshold: { threshold: 1, validators: [{ validatorId: "walked" }] },
  reshareThreshold: { threshold: 1, validators: [{ validatorId: "walked" }] },
  bulkAdvertise: { advertisements: [], fullSync: false },
};
