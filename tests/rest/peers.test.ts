import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { TokenGate } from "../../src/trust/tokens.ts";
import { MemoryNode } from "./memory-node.ts";
import { newPeerView } from "./memory-peer-desk.ts";

const jwt = {
  key: "a key of at least thirty-two bytes",
  issuer: "https://issuer.example",
  audience: "https://audience.example",
  clockSkewMs: 300_000,
};
const gate = new TokenGate({ ...jwt, nowMs: systemClock.nowMs });
const tokens = { service: "", user: "", member: "", administrator: "" };
let node = new MemoryNode(systemClock.nowMs);
let url = "";

beforeAll(async () => {
  const mint = (claims: { isService?: boolean; orgId?: string; roles?: string[] }) =>
    gate.mint({ subject: "tests", isService: false, lifetimeMs: 60_000, ...claims });
  tokens.service = await mint({ isService: true });
  tokens.user = await mint({});
  tokens.member = await mint({ orgId: "org" });
  tokens.administrator = await mint({ orgId: "org", roles: ["Administrator"] });
});
beforeEach(async () => {
  await rest.close();
  node = new MemoryNode(systemClock.nowMs);
  node.peers = [newPeerView("a", { failureCount: 4 }), newPeerView("b", { isConnected: true })];
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

async function call(
  method: string,
  path: string,
  options: { token?: string; body?: object } = {},
): Promise<{ status: number; body: Record<string, never> }> {
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
  const answer = await fetch(url + path, { method, headers, ...body });
  return { status: answer.status, body: (await answer.json()) as Record<string, never> };
}

test("the paths of figures are not taken for names of peers", async () => {
  expect((await call("GET", "/api/peers/stats")).body).toMatchObject({
    peerStats: { totalPeers: 2, connectedPeers: 1, totalFailures: 4 },
    circuitBreakerStats: { totalCircuitBreakers: 2, closedCircuits: 2 },
  });
  expect((await call("GET", "/api/peers/quality")).body).toHaveLength(2);
  expect((await call("GET", "/api/peers/health")).body).toMatchObject({ totalPeers: 2 });
  expect((await call("GET", "/api/peers/a")).body).toMatchObject({
    qualityDetails: { totalRequests: 4 },
  });
});

test("who is connected is told to the authenticated, how many to anybody", async () => {
  expect((await call("GET", "/api/peers/connected")).body).toEqual({
    connectedPeerCount: 1,
  } as never);
  const told = await call("GET", "/api/peers/connected", { token: tokens.user });
  expect(told.body).toMatchObject({ connectedPeerCount: 1, peers: [{ peerId: "b" }] });
});

test("healthy peers are all counted, not the first ten (weakness 53)", async () => {
  node.peers = Array.from({ length: 1_000 }, (_, index) =>
    newPeerView(`peer-${index}`, { lastSeenMs: systemClock.nowMs() }),
  );
  const { body } = await call("GET", "/api/peers/health");
  expect(body).toMatchObject({ healthyPeers: 1_000, unhealthyPeers: 0, healthPercentage: 100 });
  expect((await call("GET", "/api/health")).body).toMatchObject({
    metrics: { healthyPeers: 1_000 },
  });
});

test("ban, unban and reset answer in the reference's shapes and refuse what makes no sense", async () => {
  const { token } = { token: tokens.service };
  const banned = await call("POST", "/api/peers/a/ban", { token, body: { reason: "junk" } });
  expect(banned).toMatchObject({
    status: 200,
    body: { peerId: "a", isBanned: true, banReason: "junk" },
  });
  expect((await call("POST", "/api/peers/a/ban", { token })).status).toBe(409);
  const unbanned = await call("DELETE", "/api/peers/a/ban", { token });
  expect(unbanned.body).toEqual({
    peerId: "a",
    isBanned: false,
    bannedAt: null,
    banReason: null,
  } as never);
  expect((await call("DELETE", "/api/peers/a/ban", { token })).status).toBe(409);
  expect((await call("POST", "/api/peers/a/reset", { token })).body).toEqual({
    peerId: "a",
    failureCount: 0,
    previousFailureCount: 4,
  } as never);
  expect((await call("POST", "/api/peers/nobody/ban", { token })).status).toBe(404);
  const reason = "x".repeat(501);
  expect((await call("POST", "/api/peers/a/ban", { token, body: { reason } })).status).toBe(422);
});

test("a member of an organisation manages no peers, an administrator does (weakness 22)", async () => {
  const statusAs = async (token?: string) =>
    (await call("POST", "/api/peers/a/reset", token === undefined ? {} : { token })).status;
  expect(await statusAs()).toBe(401);
  expect(await statusAs(tokens.user)).toBe(403);
  expect(await statusAs(tokens.member)).toBe(403);
  expect(await statusAs(tokens.administrator)).toBe(200);
  expect(await statusAs(tokens.service)).toBe(200);
});

test("only services say what is advertised, and only of what is held (weakness 21)", async () => {
  const { registerId } = await node.createRegister({ name: "one" });
  const { registerId: secret } = await node.createRegister({ name: "two", isPublic: false });
  const bulk = { advertisements: [], fullSync: true };
  for (const path of ["/api/registers/bulk-advertise", `/api/registers/${registerId}/advertise`]) {
    expect((await call("POST", path, { body: bulk })).status).toBe(401);
    expect((await call("POST", path, { body: bulk, token: tokens.administrator })).status).toBe(
      403,
    );
  }
  expect(node.peerDesk.isAdvertised(registerId)).toBe(true);
  const token = tokens.service;
  const wiped = await call("POST", "/api/registers/bulk-advertise", { token, body: bulk });
  expect(wiped.body).toMatchObject({ processed: 0, removed: 2 });
  const advertisements = [
    { registerId, isPublic: true, latestVersion: 99, latestDocketVersion: 99 },
    { registerId: secret, isPublic: true },
    { registerId: "forged", isPublic: true },
  ];
  const told = await call("POST", "/api/registers/bulk-advertise", {
    token,
    body: { advertisements },
  });
  expect(told.body).toEqual({
    processed: 3,
    added: 1,
    updated: 0,
    removed: 0,
    ignored: [secret, "forged"],
  } as never);
  const path = `/api/registers/${secret}/advertise`;
  expect((await call("POST", path, { token, body: { isPublic: true } })).status).toBe(409);
  const malformed = { advertisements: null };
  expect(
    (await call("POST", "/api/registers/bulk-advertise", { token, body: malformed })).status,
  ).toBe(422);
});

test("why is told to the authenticated, newest first, with an end where there is one", async () => {
  const event = {
    atMs: 1,
    lastAtMs: 2,
    type: "peer.quarantined",
    code: "merkle",
    message: "Served junk",
    count: 1,
  };
  node.peerDesk.events = [{ ...event, pointsBefore: 60, pointsAfter: 10, untilMs: 3 }];
  expect((await call("GET", "/api/peers/a/why")).status).toBe(401);
  const { body } = await call("GET", "/api/peers/a/why", { token: tokens.user });
  expect(body).toMatchObject({
    peerId: "a",
    events: [{ code: "merkle", scoreAfter: 10, expiresAt: "1970-01-01T00:00:00.003Z" }],
  });
});
