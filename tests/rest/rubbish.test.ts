import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import * as rest from "../../src/rest/app.ts";
import { Rest } from "./rest-of.ts";

let api: Rest;
let token = "";
let registerId = "";

beforeAll(async () => {
  api = await Rest.open({ protection: { readsPerMinute: 1_000_000, writesPerMinute: 1_000_000 } });
  token = await api.mint();
  ({ registerId } = await api.node.createRegister({ name: "r" }));
});
afterAll(() => rest.close());

test("bodies that nobody should send get one sentence, a code, and the right status", async () => {
  const bodies: [string, number, string][] = [
    ["{", 400, "bad-json"],
    ["", 400, "bad-json"],
    ['\ufeff{"name":"x"}', 400, "bad-json"],
    ['{"name":"x"}}', 400, "bad-json"],
    ['{"name":NaN}', 400, "bad-json"],
    ["[".repeat(100_000), 400, "bad-json"],
    [`${"[".repeat(100_000)}${"]".repeat(100_000)}`, 422, "schema"],
    ['{"name":1e999}', 422, "schema"],
    ['{"name":"x","__proto__":{"isPublic":false}}', 422, "schema"],
    ['{"name":"\\u0000"}', 422, "schema"],
    ['{"name":"x","description":"\\u0000"}', 422, "schema"],
    ['{"name":"\\ud800"}', 422, "schema"],
    ['{"name":"x","isPublic":false,"readers":["\\u0000"]}', 422, "schema"],
    [`{"name":"${"x".repeat(256)}"}`, 422, "schema"],
  ];
  for (const [text, status, code] of bodies) {
    const answer = await api.post("/api/registers", { token, text });
    expect([text.slice(0, 40), answer.status, answer.body.code]).toEqual([
      text.slice(0, 40),
      status,
      code,
    ]);
    expect(answer.body.error).toMatch(/^[A-Z].{10,300}[^.]$/);
  }
});

test("paths and methods that nobody should ask for are told so", async () => {
  const paths: [string, string, number][] = [
    ["GET", "//api/registers", 404],
    ["GET", "/api/registers/", 404],
    ["GET", "/api/registers/%00", 400],
    ["GET", "/api/registers/%zz", 400],
    ["GET", "/api/registers/..%2f..%2fetc", 400],
    ["GET", `/api/registers/${registerId}/transactions/%00`, 400],
    ["GET", `/api/registers/${registerId}/dockets/1.5`, 400],
    ["GET", `/api/registers/${registerId}/dockets/99999999999999999999`, 400],
    ["GET", "/api/registers?offset=-1", 400],
    ["GET", "/api/registers?sort=__proto__", 400],
    ["GET", "/api/peers/__proto__", 404],
    ["PUT", "/api/registers", 404],
    ["TRACE", "/api/registers", 404],
    ["OPTIONS", "/api/registers", 404],
    ["HEAD", "/nothing", 404],
    ["HEAD", "/livez", 200],
  ];
  for (const [method, path, status] of paths) {
    const answer = await raw(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect([method, path, statusOf(answer)]).toEqual([method, path, status]);
  }
});

test("one of HTTP/1.0 without a host is answered like any other", async () => {
  for (const [path, status] of [
    ["/livez", 200],
    ["/api/registers?limit=1", 200],
    ["/nothing", 404],
  ] as const) {
    expect(statusOf(await raw(`GET ${path} HTTP/1.0\r\n\r\n`))).toBe(status);
  }
});

test("a chunked body without an end is cut off at the bound, and the service goes on", async () => {
  let sentBytes = 0;
  const chunk = new Uint8Array(1 << 20).fill(0x20);
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sentBytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  const answer = await api.post("/api/registers", { token, text: endless }).catch(() => null);
  if (answer !== null) expect(answer).toMatchObject({ status: 413 });
  expect(sentBytes).toBeLessThan(200 * 2 ** 20);
  expect((await api.get("/livez")).status).toBe(200);
});

function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]);
}
