import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import * as rest from "../../src/rest/app.ts";
import { endpoints } from "../../src/rest/contract.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { newPeerView as peerOf } from "./memory-peer-desk.ts";
import { type Answer, Rest } from "./rest-of.ts";

/** Walks the OpenAPI document as a stranger would: it alone says what there is to call. */
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

interface Listed {
  method: string;
  path: string;
  operation: Operation;
}

let api: Rest;
let service = "";
let user = "";
let errorSchema: z.ZodType;
let listed: Listed[] = [];
const values: Record<string, string> = { docketNumber: "0", peerId: "p1", importId: "i" };

beforeAll(async () => {
  api = await Rest.open({ protection: { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 } });
  service = await api.mint();
  user = await api.mint({ isService: false });
  const { registerId } = await api.node.createRegister({ name: "r" });
  const { transactionId } = await api.node.submit({ registerId, dataText: "1" });
  Object.assign(values, { registerId, transactionId });
  api.node.peers = [peerOf("p1", { isConnected: true, lastSeenMs: systemClock.nowMs() })];
  api.node.available = [availableOf(registerId)];
  const other = await api.node.createRegister({ name: "other" });
  const path = `/api/registers/${other.registerId}/dockets`;
  bodies.handInDocket = (await api.get(`${path}/0`)).body;
  paths.handInDocket = path;
  api.node.registers.delete(other.registerId);
  const { body } = await api.get("/openapi/v1.json");
  errorSchema = z.fromJSONSchema(body.components.schemas.Error);
  listed = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
});
afterAll(() => rest.close());

/** What each operation that takes a body is sent; one without an entry fails the walk. */
const bodies: Record<string, unknown> = {
  createRegister: { name: "made" },
  subscribe: { mode: "full-replica" },
  submitTransaction: { data: { a: 1 } },
  importRecords: '{"a":1}\n',
  revokeToken: { tokenId: "some-id" },
  addPeer: { address: "127.0.0.1:1" },
  banPeer: { reason: "for the test" },
  advertise: { isPublic: true },
  bulkAdvertise: { advertisements: [], fullSync: false },
};

/** Where an operation's good call goes, if not to the path made of `values`. */
const paths: Record<string, string> = {};

describe("the OpenAPI document", () => {
  test("lists every endpoint of the contract, and no more", () => {
    const names = listed.map(({ operation }) => operation.operationId);
    expect(names.toSorted()).toEqual(Object.keys(endpoints).toSorted());
  });

  test("every operation answers good input as it says, and never with 5xx", async () => {
    const refused: string[] = [];
    for (const one of ordered()) {
      const token = one.operation.operationId === "revokeOwnToken" ? await api.mint() : service;
      const answer = await call(one, { token, body: bodyOf(one), isGood: true });
      keepsContract(one, answer);
      if (answer.status >= 300) refused.push(`${one.operation.operationId} ${answer.status}`);
    }
    expect(refused).toEqual([]);
  });

  test("every operation without a token, or with one that does not do, says so", async () => {
    for (const one of listed.filter(({ operation }) => operation.security !== undefined)) {
      const missing = await call(one, { body: bodyOf(one) });
      expect([one.operation.operationId, missing.status]).toEqual([one.operation.operationId, 401]);
      keepsContract(one, missing);
      if (one.operation["x-access"] === "authenticated") continue;
      const forbidden = await call(one, { token: user, body: bodyOf(one) });
      expect([one.operation.operationId, forbidden.status]).toEqual([
        one.operation.operationId,
        403,
      ]);
      keepsContract(one, forbidden);
    }
  });

  test("malformed parameters and bodies are refused in the words of the contract", async () => {
    for (const one of listed) {
      for (const parameter of one.operation.parameters.filter((each) => each.in === "query")) {
        for (const value of ["", " ", "-1", "x".repeat(9_000), "%00", "[object Object]"]) {
          const answer = await call(one, {
            token: service,
            body: bodyOf(one),
            query: { [parameter.name]: value },
          });
          keepsContract(one, answer);
        }
      }
      for (const name of ["registerId", "peerId", "docketNumber", "transactionId"]) {
        if (!one.path.includes(`{${name}}`)) continue;
        for (const value of ["a b", "x".repeat(300), "/../..", "-1", "%2e%2e%2f"]) {
          const answer = await call(one, {
            token: service,
            body: bodyOf(one),
            params: { [name]: value },
          });
          keepsContract(one, answer);
          expect(answer.status).toBeGreaterThanOrEqual(400);
        }
      }
      if (one.operation.requestBody === undefined) continue;
      for (const body of ["{", "[]", "7", '{"no":"such field"}', "\u0000", '"text"', "null"]) {
        const answer = await call(one, { token: service, body });
        keepsContract(one, answer);
      }
    }
  });
});

/** The good calls in an order in which each finds what it needs: what ends something comes last. */
function ordered(): Listed[] {
  const isEnd = ({ method, operation }: Listed) => {
    if (operation.operationId === "removePeer") return 2;
    return method === "DELETE" ? 1 : 0;
  };
  return listed.toSorted((left, right) => isEnd(left) - isEnd(right));
}

function bodyOf(one: Listed): unknown {
  if (one.operation.requestBody === undefined) return undefined;
  const name = one.operation.operationId;
  if (name in bodies) return bodies[name];
  throw new Error(`The walk has no body for ${name}`);
}

async function call(
  one: Listed,
  sent: {
    token?: string;
    body?: unknown;
    query?: Record<string, string>;
    params?: Record<string, string>;
    isGood?: boolean;
  },
): Promise<Answer> {
  const own = sent.isGood ? paths[one.operation.operationId] : undefined;
  const path = (own ?? one.path).replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(sent.params?.[name] ?? values[name] ?? "none"),
  );
  const needed = one.operation.parameters
    .filter((parameter) => parameter.in === "query" && values[parameter.name] !== undefined)
    .filter((parameter) => parameter.name !== "registerId")
    .map((parameter) => [parameter.name, values[parameter.name] ?? ""]);
  const query = new URLSearchParams({ ...Object.fromEntries(needed), ...sent.query });
  const isStream = one.operation.operationId === "events";
  const text = typeof sent.body === "string" ? { text: sent.body } : { body: sent.body };
  const request = {
    method: one.method,
    ...(sent.token === undefined ? {} : { token: sent.token }),
    ...(sent.body === undefined ? {} : text),
  };
  if (!isStream) return api.send(`${path}?${query}`, request);
  const hangUp = new AbortController();
  const answer = await fetch(`${api.url}${path}?${query}`, { signal: hangUp.signal });
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  const body = isJson ? await answer.json() : "";
  hangUp.abort();
  return { status: answer.status, headers: answer.headers, body };
}

function availableOf(registerId: string) {
  return {
    registerId,
    name: null,
    description: null,
    peerCount: 1,
    latestVersion: 1,
    latestDocketVersion: 0,
    isPublic: true,
    fullReplicaPeerCount: 1,
    genesisHash: null,
  };
}

/** The status is one that the document names, and the answer is of the schema that it gives. */
function keepsContract(one: Listed, answer: Answer): void {
  const name = `${one.method} ${one.path} → ${answer.status} ${JSON.stringify(answer.body)}`;
  if (answer.status >= 500) throw new Error(name);
  const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
  if (answer.status >= 400) {
    if (!(String(answer.status) in one.operation.responses)) throw new Error(`unlisted: ${name}`);
    expect(errorSchema.safeParse(answer.body)).toMatchObject({ success: true });
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
