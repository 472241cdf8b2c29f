import { afterAll, describe, expect, test } from "bun:test";
import * as rest from "../../src/rest/app.ts";
import { newSubscription } from "./memory-node.ts";
import { newPeerView as peer } from "./memory-peer-desk.ts";
import { Rest } from "./rest-of.ts";

afterAll(() => rest.close());

describe("lists", () => {
  test("registers are searched, filtered, ordered, cut, and counted as a whole", async () => {
    const api = await Rest.open();
    const token = await api.mint({ isService: false });
    for (const name of ["apples", "pears", "Apple juice"]) await api.node.createRegister({ name });
    await api.node.createRegister({ name: "secret apples", isPublic: false });
    const names = async (query: string, sent = {}) => {
      const answer = await api.get(`/api/registers?${query}`, sent);
      const rows = answer.body as { name: string }[];
      return [rows.map((row) => row.name), Number(answer.headers.get("x-total-count"))];
    };
    expect(await names("search=APPLE&sort=name")).toEqual([["Apple juice", "apples"], 2]);
    expect(await names("search=apple&sort=-name&limit=1", { token })).toEqual([
      ["secret apples"],
      3,
    ]);
    expect(await names("sort=name&limit=1&offset=1")).toEqual([["apples"], 3]);
    expect(await names("public=false", { token })).toEqual([["secret apples"], 1]);
    expect(await names("offset=9")).toEqual([[], 3]);
    expect((await api.get("/api/registers?sort=colour")).status).toBe(400);
    expect((await api.get("/api/registers?limit=1001")).status).toBe(400);
    expect(await api.get("/api/registers?limit=1&offset=0&limit=2")).toMatchObject({
      status: 400,
      body: { code: "bad-query", error: "The query parameter limit is given more than once" },
    });
  });

  test("what is stored is told in the words of the reference service", async () => {
    const api = await Rest.open();
    const { registerId } = await api.node.createRegister({ name: "cached" });
    await api.node.submit({ registerId, dataText: "1" });
    await api.node.createRegister({ name: "hidden", isPublic: false });
    const { body } = await api.get("/api/registers/cache");
    expect(body).toEqual([
      {
        registerId,
        transactionCount: 2,
        docketCount: 2,
        latestTransactionVersion: 2,
        latestDocketVersion: 1,
        lastUpdateTime: expect.stringMatching(/Z$/),
      },
    ]);
    const path = `/api/registers/${registerId}/cache`;
    const purge = (sent: object) => api.send(path, { method: "DELETE", ...sent });
    expect((await purge({})).status).toBe(401);
    const token = await api.mint({ isService: false });
    expect((await purge({ token })).body).toEqual({
      registerId,
      purged: true,
      transactionsRemoved: 2,
      docketsRemoved: 2,
    });
    expect((await purge({ token })).status).toBe(404);
  });

  test("subscriptions likewise", async () => {
    const api = await Rest.open();
    const one = newSubscription({ registerId: "a", mode: "FullReplica" });
    api.node.subscriptions = [
      { ...one, syncProgressPercent: 5 },
      { ...one, registerId: "b", syncState: "Error", syncProgressPercent: 50 },
      { ...one, registerId: "c", mode: "ForwardOnly", syncProgressPercent: 20 },
    ];
    const ids = async (query: string) =>
      (await api.get(`/api/registers/subscriptions?${query}`)).body.map(
        (row: { registerId: string }) => row.registerId,
      );
    expect(await ids("sort=progress")).toEqual(["b", "c", "a"]);
    expect(await ids("status=Error")).toEqual(["b"]);
    expect(await ids("mode=forward-only")).toEqual(["c"]);
    expect(await ids("sort=-registerId&limit=2")).toEqual(["c", "b"]);
  });
});

describe("GET /api/topology", () => {
  test("shows nodes, links, holders, and what only one node has; private registers to few", async () => {
    const api = await Rest.open();
    const { registerId } = await api.node.createRegister({ name: "r" });
    const hidden = await api.node.createRegister({ name: "s", isPublic: false });
    const advert = { registerId, syncState: "Active", latestVersion: 1, latestDocketVersion: 0 };
    api.node.peers = [peer("p1", { isConnected: true }), peer("p2", { isBanned: true })];
    const { body } = await api.get("/api/topology");
    expect(body.links).toEqual([
      { from: "memory", to: "p1", latencyMs: expect.any(Number), serves: [] },
    ]);
    expect(body.singlePoints).toEqual([{ registerId, nodeId: "memory" }]);
    expect(JSON.stringify(body)).not.toContain(hidden.registerId);
    api.node.peers = [
      peer("p1", { isConnected: true, advertisedRegisters: [{ ...advert, isPublic: true }] }),
    ];
    const token = await api.mint();
    const second = (await api.get("/api/topology", { token })).body;
    const holders = ["memory", "p1"];
    expect(second.registers).toContainEqual({ registerId, holders, holderCount: 2 });
    expect(second.singlePoints).toEqual([{ registerId: hidden.registerId, nodeId: "memory" }]);
  });
});
