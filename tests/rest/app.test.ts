import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { verifyInclusion } from "../../src/dockets/proof.ts";
import * as rest from "../../src/rest/app.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import { MemoryNode, newSubscription } from "./memory-node.ts";

const jwt = {
  key: "a key of at least thirty-two bytes",
  issuer: "https://issuer.example",
  audience: "https://audience.example",
  clockSkewMs: 300_000,
};
const gate = new TokenGate({ ...jwt, nowMs: systemClock.nowMs });
let node = new MemoryNode(systemClock.nowMs);
let url = "";
let service = "";
let user = "";

beforeAll(async () => {
  service = await gate.mint({ subject: "tests", isService: true, lifetimeMs: 60_000 });
  user = await gate.mint({ subject: "someone", isService: false, lifetimeMs: 60_000 });
});
beforeEach(async () => {
  await rest.close();
  node = new MemoryNode(systemClock.nowMs);
  ({ url } = await rest.open({
    host: "127.0.0.1",
    port: 0,
    jwt,
    source: node,
    nowMs: systemClock.nowMs,
    isProduction: false,
  }));
});
afterAll(() => rest.close());

describe("probes", () => {
  test("livez and readyz answer; readyz names what is missing", async () => {
    expect((await call("GET", "/livez")).status).toBe(200);
    expect(await call("GET", "/readyz")).toMatchObject({ status: 200, body: { status: "ready" } });
    node.isReady = false;
    expect(await call("GET", "/readyz")).toMatchObject({
      status: 503,
      body: { checks: { database: false } },
    });
    expect((await fetch(`${url}/health`)).status).toBe(503);
  });

  test("the API describes itself, every endpoint with its errors", async () => {
    const { body } = await call("GET", "/openapi/v1.json");
    const submit = body.paths["/api/registers/{registerId}/transactions"].post;
    expect(body.openapi).toBe("3.1.0");
    expect(Object.keys(submit.responses)).toContain("422");
    expect(submit.security).toEqual([{ bearer: [] }]);
  });
});

describe("who may do what", () => {
  test("writes need a token, origin's writes a service's", async () => {
    const create = { body: { name: "r" } };
    expect(await call("POST", "/api/registers", create)).toMatchObject({ status: 401 });
    expect(await call("POST", "/api/registers", { ...create, token: user })).toMatchObject({
      status: 403,
      body: { code: "needs-service-token" },
    });
    expect(await call("POST", "/api/registers", { ...create, token: service })).toMatchObject({
      status: 201,
    });
    expect(await call("DELETE", "/api/registers/x/subscribe")).toMatchObject({ status: 401 });
  });

  test("tokens of another key, algorithm, issuer, audience, time or use are refused", async () => {
    const other = (changes: Partial<typeof jwt>, nowMs = systemClock.nowMs) =>
      new TokenGate({ ...jwt, ...changes, nowMs }).mint({
        subject: "x",
        isService: true,
        lifetimeMs: 60_000,
      });
    const key = new TextEncoder().encode(jwt.key);
    const claims = { iss: jwt.issuer, aud: jwt.audience, sub: "x", exp: 4_000_000_000 };
    const sign = (body: object, alg: string) =>
      new SignJWT({ ...body }).setProtectedHeader({ alg }).sign(key);
    const bad = [
      await other({ key: "another key of at least thirty-two bytes" }),
      await other({ issuer: "https://elsewhere.example" }),
      await other({ audience: "https://elsewhere.example" }),
      await other({}, () => systemClock.nowMs() - 3_600_000),
      await sign(claims, "HS512"),
      await sign({ ...claims, token_use: "refresh" }, "HS256"),
      await sign({ ...claims, exp: undefined }, "HS256"),
      `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(claims))}.`,
      "nonsense",
    ];
    for (const token of bad) {
      expect(await call("GET", "/api/registers", { token })).toMatchObject({
        status: 401,
        body: { code: "bad-token" },
      });
    }
    expect((await call("GET", "/api/registers", { token: await other({}) })).status).toBe(200);
  });

  test("private registers are hidden from anonymous callers", async () => {
    const { registerId } = await node.createRegister({ name: "secret", isPublic: false });
    expect((await call("GET", "/api/registers")).body).toEqual([]);
    expect(await call("GET", `/api/registers/${registerId}`)).toMatchObject({ status: 404 });
    expect(await call("GET", `/api/registers/${registerId}/pages`)).toMatchObject({ status: 404 });
    expect((await call("GET", "/api/registers", { token: user })).body).toHaveLength(1);
  });
});

describe("bad input", () => {
  test("each kind has its status, a sentence and a code, never a stack", async () => {
    const { registerId } = await node.createRegister({ name: "r" });
    const post = (path: string, body: string) => call("POST", path, { token: service, text: body });
    const cases: [Awaited<ReturnType<typeof post>>, number, string][] = [
      [await post("/api/registers", '{"name":'), 400, "bad-json"],
      [await post("/api/registers", '{"name":"x","more":1}'), 422, "schema"],
      [await post("/api/registers", '{"name":7}'), 422, "schema"],
      [await post("/api/registers/a%20b/subscribe", '{"mode":"full-replica"}'), 400, "bad-path"],
      [await post(`/api/registers/${registerId}/subscribe`, '{"mode":"half"}'), 422, "schema"],
      [
        await post("/api/registers/nobody/subscribe", '{"mode":"full-replica"}'),
        404,
        "unknown-register",
      ],
      [
        await post(`/api/registers/${registerId}/records?importId=i`, '{"a":1}\n{"a":}\n'),
        400,
        "bad-record",
      ],
      [await post(`/api/registers/${registerId}/records?importId=i`, ""), 400, "no-records"],
      [await post(`/api/registers/${registerId}/records`, "{}"), 400, "bad-query"],
      [await call("GET", `/api/registers/${registerId}/dockets/9`), 404, "unknown-docket"],
      [await call("GET", `/api/registers/${registerId}/dockets?limit=0`), 400, "bad-query"],
      [
        await call("GET", `/api/registers/${registerId}/transactions/x`),
        404,
        "unknown-transaction",
      ],
      [await call("GET", "/api/peers/nobody"), 404, "unknown-peer"],
      [await call("GET", "/nothing/here"), 404, "no-such-path"],
    ];
    for (const [{ status, body }, wanted, code] of cases) {
      expect({ status, code: body.code }).toEqual({ status: wanted, code });
      expect(body.error).toMatch(/^[A-Z"].*[^.]$/);
      expect(JSON.stringify(body)).not.toContain(" at /");
    }
  });

  test("a broken record is named by line and column and its request not taken", async () => {
    const { registerId } = await node.createRegister({ name: "r" });
    const answer = await call(
      "POST",
      `/api/registers/${registerId}/records?importId=i&firstLine=11`,
      {
        token: service,
        text: '{"a":1}\n{"é":tru}\n',
      },
    );
    expect(answer.body.details).toEqual({ line: 12, column: 6 });
    expect(node.importCalls).toBe(0);
  });

  test("a body above the limit is refused whether or not its length is told", async () => {
    const big = new Uint8Array(25 * 2 ** 20).fill(32);
    const told = await call("POST", "/api/registers", { token: service, text: big });
    const untold = await call("POST", "/api/registers", {
      token: service,
      text: new Blob([big]).stream(),
    });
    for (const answer of [told, untold]) {
      expect(answer).toMatchObject({ status: 413, body: { code: "body-too-large" } });
    }
  });

  test("a thrown fault of our own is told without its text in production only", async () => {
    node.listRegisters = () => {
      throw new Error("the inner text");
    };
    expect(await call("GET", "/api/registers")).toMatchObject({
      status: 500,
      body: { code: "internal", details: { cause: "the inner text" } },
    });
    const options = { host: "", port: 0, jwt, source: node, nowMs: systemClock.nowMs };
    const app = rest.buildApp({ ...options, isProduction: true });
    const hidden = await app.handle(new Request("http://localhost/api/registers"));
    expect(await hidden.json()).toEqual({
      error: "Something went wrong inside this node",
      code: "internal",
    });
  });
});

describe("registers and records", () => {
  test("a submitted record is kept as its text was and proved to be in its docket", async () => {
    const { registerId } = await node.createRegister({ name: "r" });
    const text = '{ "wait":true, "data": {"b":12345678901234567890,"a":"\\u00e9"} }';
    const path = `/api/registers/${registerId}/transactions`;
    const submitted = await call("POST", path, { token: service, text });
    expect(submitted).toMatchObject({ status: 201, body: { docketNumber: 1 } });
    const { body } = await call("GET", `${path}/${submitted.body.transactionId}`);
    expect(JSON.parse(body.transaction).payloadJson).toEndWith(
      ',"data":{"b":12345678901234567890,"a":"\\u00e9"}}',
    );
    const { leaf, index, count, steps, merkleRoot } = body.proof;
    expect(verifyInclusion({ leaf, index, count, steps, root: merkleRoot })).toBe(true);
    expect(body).toMatchObject({ docketNumber: 1, position: 0, version: 2 });
  });

  test("an import is answered with what is new and what was there", async () => {
    const { registerId } = await node.createRegister({ name: "r" });
    const path = `/api/registers/${registerId}/records?importId=i`;
    const text = '{"a":1}\n{"a":1}\n{"a":2}';
    expect((await call("POST", path, { token: service, text })).body).toEqual({
      accepted: 3,
      alreadyPresent: 0,
      headNumber: 1,
    });
    expect((await call("POST", path, { token: service, text })).body).toEqual({
      accepted: 0,
      alreadyPresent: 3,
      headNumber: 1,
    });
  });

  test("dockets come as exact text and can be handed in elsewhere, forged ones not", async () => {
    const { registerId } = await node.createRegister({ name: "r" });
    await node.submit({ registerId, dataText: "1" });
    const dockets = [
      (await call("GET", `/api/registers/${registerId}/dockets/0`)).body,
      (await call("GET", `/api/registers/${registerId}/dockets/1`)).body,
    ];
    node.registers.clear();
    const path = `/api/registers/${registerId}/dockets`;
    const turned = dockets[1].docket.replace(/"docketHash":"(.)/, (_: string, first: string) => {
      return `"docketHash":"${first === "0" ? "1" : "0"}`;
    });
    const forged = { ...dockets[1], docket: turned };
    expect(await call("POST", path, { token: service, body: dockets[1] })).toMatchObject({
      status: 409,
      body: { code: "refused-number" },
    });
    expect(await call("POST", path, { token: service, body: dockets[0] })).toMatchObject({
      status: 201,
    });
    expect((await call("POST", path, { token: service, body: forged })).status).toBe(422);
    const parsed = {
      docket: JSON.parse(dockets[1].docket),
      transactions: dockets[1].transactions.map((one: string) => JSON.parse(one)),
    };
    expect(await call("POST", path, { token: service, body: parsed })).toMatchObject({
      status: 201,
    });
    expect(
      (await call("GET", path)).body.map((one: { docketNumber: number }) => one.docketNumber),
    ).toEqual([0, 1]);
  });

  test("subscribe takes both modes, names its place, and conflicts the second time", async () => {
    node.available = [availableRow("r1"), availableRow("r2")];
    const path = "/api/registers/r1/subscribe";
    const body = { mode: "Full-Replica" };
    const answer = await fetch(url + path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${user}` },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(path);
    expect(await answer.json()).toEqual(newSubscription({ registerId: "r1", mode: "FullReplica" }));
    expect(await call("POST", path, { token: user, body })).toMatchObject({ status: 409 });
    expect(await call("DELETE", `${path}?purge=true`, { token: user })).toMatchObject({
      status: 200,
      body: { registerId: "r1", unsubscribed: true, cacheRetained: false },
    });
  });

  test("a port that is taken stops the start with a sentence", async () => {
    await rest.close();
    const options = {
      host: "127.0.0.1",
      jwt,
      source: node,
      nowMs: systemClock.nowMs,
      isProduction: false,
    };
    const first = rest.buildApp({ ...options, port: 0 }).listen({ hostname: "127.0.0.1", port: 0 });
    const port = first.server?.port ?? 0;
    await expect(rest.open({ ...options, port })).rejects.toMatchObject({
      kind: "configuration",
      code: "port-taken",
    });
    await first.server?.stop(true);
  });
});

async function call(
  method: string,
  path: string,
  options: { token?: string; body?: unknown; text?: string | Uint8Array | ReadableStream } = {},
) {
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  const body =
    options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const init = {
    method,
    headers,
    ...(body === undefined ? {} : { body: body as BodyInit, duplex: "half" }),
  };
  const answer = await fetch(url + path, init);
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json");
  return { status: answer.status, body: isJson ? JSON.parse(text) : text };
}

function availableRow(registerId: string) {
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
