import { afterAll, describe, expect, test } from "bun:test";
import { type ServerEvent, serverEvents } from "../../src/cli/server-events.ts";
import * as rest from "../../src/rest/app.ts";
import { newSubscription } from "./memory-node.ts";
import { Rest } from "./rest-of.ts";

afterAll(() => rest.close());

const head = (registerId: string, docketNumber: number) => ({
  registerId,
  atMs: 1_000,
  firstDocketNumber: docketNumber,
  docketNumber,
  docketHash: "a".repeat(64),
  transactionCount: 1,
});

describe("GET /api/events", () => {
  test("tells heads as they come, anonymous callers those of public registers", async () => {
    const api = await Rest.open();
    const open = await api.node.createRegister({ name: "open" });
    const secret = await api.node.createRegister({ name: "secret", isPublic: false });
    const anonymous = await listen(api);
    const user = await listen(api, { token: await api.mint({ isService: false }) });
    api.node.tell(head(secret.registerId, 1));
    api.node.tell(head(open.registerId, 1));
    expect(facts(await anonymous.next(1))).toEqual([[open.registerId, 1]]);
    expect(facts(await user.next(2))).toEqual([
      [secret.registerId, 1],
      [open.registerId, 1],
    ]);
    await anonymous.end();
    await user.end();
  });

  test("takes up where Last-Event-ID broke off, without a gap and without a double", async () => {
    const api = await Rest.open();
    const { registerId } = await api.node.createRegister({ name: "r" });
    const first = await listen(api);
    for (const number of [1, 2, 3]) api.node.tell(head(registerId, number));
    const [, second] = await first.next(3);
    await first.end();
    api.node.tell(head(registerId, 4));
    const again = await listen(api, { lastId: second?.id ?? "" });
    expect(facts(await again.next(2))).toEqual([
      [registerId, 3],
      [registerId, 4],
    ]);
    await again.end();
  });

  test("who was away for longer gets what the store noted and the heads as they are", async () => {
    const api = await Rest.open();
    const { registerId } = await api.node.createRegister({ name: "r" });
    const note = (eventId: number) => ({
      eventId,
      atMs: 5,
      type: "register.refused",
      registerId,
      peerId: "p",
      message: "A docket was refused",
      facts: { code: "seal" },
    });
    api.node.noted = [note(1), note(2), note(3)];
    const away = await listen(api, { lastId: "otherrun.7.1" });
    const events = await away.next(3);
    expect(events.map((event) => event.type)).toEqual([
      "register.refused",
      "register.refused",
      "register.head",
    ]);
    expect(JSON.parse(events[0]?.data ?? "")).toMatchObject({ code: "seal", peerId: "p" });
    await away.end();
  });

  test("filters by type and register; subscriptions and notes arrive as they change", async () => {
    const api = await Rest.open();
    const one = await api.node.createRegister({ name: "one" });
    const two = await api.node.createRegister({ name: "two" });
    const token = await api.mint();
    const peers = await listen(api, { query: "?type=peer.*", token });
    const changes = await listen(api, { query: "?type=subscription.changed", token });
    const heads = await listen(api, { query: `?registerId=${two.registerId}` });
    api.node.tell(head(one.registerId, 1));
    api.node.tell(head(two.registerId, 1));
    api.node.subscriptions = [newSubscription({ registerId: "x", mode: "FullReplica" })];
    api.node.noted = [
      {
        eventId: 1,
        atMs: 5,
        type: "peer.banned",
        registerId: null,
        peerId: "p",
        message: "Banned",
        facts: {},
      },
    ];
    expect(facts(await heads.next(1))).toEqual([[two.registerId, 1]]);
    expect((await changes.next(1))[0]?.type).toBe("subscription.changed");
    expect((await peers.next(1))[0]?.type).toBe("peer.banned");
    for (const one of [peers, changes, heads]) await one.end();
    expect((await api.get("/api/events?type=A B")).status).toBe(400);
  });

  test("what was noted is paged back through, filtered, for operators only", async () => {
    const api = await Rest.open();
    const note = (eventId: number) => ({
      eventId,
      atMs: eventId,
      type: eventId % 2 === 0 ? "peer.failed" : "source.lied",
      registerId: null,
      peerId: "p",
      message: `Number ${eventId}`,
      facts: { code: "seal", restMs: 5 },
    });
    api.node.noted = Array.from({ length: 25 }, (_, index) => note(index + 1));
    expect((await api.get("/api/events/past")).status).toBe(401);
    const token = await api.mint();
    const ids: number[] = [];
    let path = "/api/events/past?limit=10";
    for (let pages = 0; pages < 5 && path !== ""; pages += 1) {
      const { body } = await api.get(path, { token });
      ids.push(...body.events.map((event: { eventId: number }) => event.eventId));
      path = body.next === null ? "" : `/api/events/past?limit=10&before=${body.next}`;
    }
    expect(ids).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index));
    const lies = await api.get("/api/events/past?type=source.*&search=Number 7", { token });
    expect(lies.body).toEqual({
      events: [
        {
          eventId: 7,
          at: "1970-01-01T00:00:00.007Z",
          type: "source.lied",
          registerId: null,
          peerId: "p",
          code: "seal",
          message: "Number 7",
          expiresAt: "1970-01-01T00:00:00.012Z",
          facts: { code: "seal", restMs: 5 },
        },
      ],
      next: null,
    });
    expect((await api.get("/api/events/past?before=-1", { token })).status).toBe(400);
  });

  test("streams end when the node stops", async () => {
    const api = await Rest.open();
    const listener = await listen(api);
    await rest.close();
    expect(await listener.next(1)).toEqual([]);
  });
});

function facts(events: readonly ServerEvent[]): [string, number][] {
  return events.map((event) => {
    const { registerId, docketNumber } = JSON.parse(event.data);
    return [registerId, docketNumber];
  });
}

/** A reader of the stream whose line is open and known to the node. */
async function listen(
  api: Rest,
  options: { token?: string; lastId?: string; query?: string } = {},
) {
  const hangUp = new AbortController();
  const answer = await fetch(`${api.url}/api/events${options.query ?? ""}`, {
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.lastId === undefined ? {} : { "last-event-id": options.lastId }),
    },
    signal: hangUp.signal,
  });
  expect(answer.headers.get("content-type")).toContain("text/event-stream");
  const events = serverEvents(answer.body as unknown as AsyncIterable<Uint8Array>);
  await Bun.sleep(20);
  return {
    next: async (count: number): Promise<ServerEvent[]> => {
      const found: ServerEvent[] = [];
      while (found.length < count) {
        const event = await events.next();
        if (event.done) break;
        found.push(event.value);
      }
      return found;
    },
    end: async () => hangUp.abort(),
  };
}
