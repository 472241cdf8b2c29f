import { afterAll, beforeAll, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { Rest } from "./rest-of.ts";

let api: Rest;
let token = "";
let registerId = "";

beforeAll(async () => {
  api = await Rest.open();
  token = await api.mint();
  const made = await api.post("/api/registers", { token, body: { name: "followed" } });
  registerId = made.body.registerId;
});
afterAll(() => rest.close());

const pathOf = (transactionId: string) =>
  `/api/registers/${registerId}/transactions/${transactionId}/status`;

test("a 202 leads to where it can be followed, a 201 to the transaction", async () => {
  const path = `/api/registers/${registerId}/transactions`;
  const kept = await api.post(path, { token, body: { data: 1 } });
  expect([kept.status, kept.body.status]).toEqual([202, "queued"]);
  expect(kept.headers.get("location")).toBe(pathOf(kept.body.transactionId));
  const sealed = await api.post(path, { token, body: { data: 2, wait: true } });
  expect([sealed.status, sealed.body.status]).toEqual([201, "sealed"]);
  const place = sealed.headers.get("location") ?? "";
  expect((await api.get(place)).body.docketNumber).toBe(sealed.body.docketNumber);
  expect((await api.get(`${place}/status`)).body).toEqual({
    registerId,
    transactionId: sealed.body.transactionId,
    status: "sealed",
    docketNumber: sealed.body.docketNumber,
    message: `Sealed in docket ${sealed.body.docketNumber}`,
  });
});

test("what waits, what peers brought and dead letters are told apart, in words", async () => {
  const row = {
    ...{ registerId, transactionId: "t", state: "waiting" as const, bytes: 10, attempts: 0 },
    ...{ nextAttemptMs: 0, lastError: null, queuedAtMs: 1_000 },
  };
  const told = async (given: {
    queued?: (typeof api.node.queued)[number];
    isPending?: boolean;
  }) => {
    api.node.queued = given.queued === undefined ? [] : [given.queued];
    api.node.isPending = given.isPending === true;
    const { status, body } = await api.get(pathOf("t"));
    return [status, body.status ?? body.code, body.message ?? body.error];
  };
  expect(await told({ queued: row })).toEqual([
    ...[200, "queued", "Kept here until a docket holds it"],
  ]);
  const tried = { ...row, attempts: 1, lastError: "silent", nextAttemptMs: 2_000 };
  expect(await told({ queued: tried, isPending: true })).toEqual([
    200,
    "queued",
    "Kept here until a docket holds it; validators had it 1 time and did not seal it yet",
  ]);
  expect(await told({ queued: { ...tried, state: "dead", attempts: 5 } })).toEqual([
    200,
    "dead",
    "A dead letter: given to validators 5 times and not sealed; retry or drop it",
  ]);
  expect(await told({ isPending: true })).toEqual([
    ...[200, "pending", "Told by a peer; it waits for the docket of a validator"],
  ]);
  expect((await told({})).slice(0, 2)).toEqual([404, "unknown-transaction"]);
});
