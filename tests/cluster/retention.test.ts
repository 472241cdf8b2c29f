import { expect, test } from "bun:test";
import type { SubscriptionJson } from "../../src/rest/schemas.ts";
import { onEachStore, type TestNode, until } from "../support/node.ts";

const kept = 20;

onEachStore("retention", (cluster) => {
  const environment = { PEER_SEAL_COUNT: "5", PEER_HEARTBEAT_MS: "1000" };

  async function records(name: string, count: number): Promise<string> {
    const lines = Array.from({ length: count }, (_, n) => `{"file":"${name}","n":${n}}`);
    return cluster.write(name, `${lines.join("\n")}\n`);
  }

  async function stateOf(node: TestNode, registerId: string): Promise<SubscriptionJson | null> {
    return (await node.register(registerId))?.subscription ?? null;
  }

  async function begin(): Promise<{ a: TestNode; b: TestNode; registerId: string }> {
    const a = await cluster.start("a", { environment });
    const b = await cluster.start("b", { seeds: [a], environment });
    const { registerId } = await a.import(await records("first.ndjson", 50), "kept");
    await b.hears(registerId);
    return { a, b, registerId };
  }

  test("a follower keeps what it is told to, serves that, and is whole after a later order", async () => {
    const { a, b, registerId } = await begin();
    const path = `${b.httpUrl}/api/registers/${registerId}`;
    const follow = ["registers", "subscribe", registerId, "--mode", "forward-only"];
    const whole = await b.cli([...follow.slice(0, -1), "full-replica", "--keep-dockets", "5"]);
    expect(whole.code).toBe(4);
    expect(whole.stderr).toContain("retention is for forward-only subscriptions");
    await b.ok([...follow, "--keep-dockets", String(kept), "--wait"]);
    await a.ok(["import", await records("more.ndjson", 200), "--register", registerId]);
    const head = (await a.register(registerId))?.headDocketNumber ?? 0;
    await b.holds(registerId, head);
    await until(async () => {
      const register = await b.register(registerId);
      return register?.firstDocketNumber === head - kept + 1;
    }, "b to let go of what is older");
    expect(await stateOf(b, registerId)).toMatchObject({
      syncState: "Active",
      retention: { keepDockets: kept, keepDays: null },
    });
    expect((await fetch(`${path}/dockets/${head - kept}`)).status).toBe(404);
    expect((await fetch(`${path}/dockets/${head - kept + 1}`)).status).toBe(200);
    expect((await fetch(`${path}/pages?from=${head - kept}`)).status).toBe(409);
    expect((await b.cli(["audit", registerId])).code).toBe(0);

    // Who begins at the head can begin here; who wants all is not served, and blames nobody.
    await a.stop();
    const c = await cluster.start("c", { seeds: [b], environment });
    await c.hears(registerId);
    await c.ok([...follow, "--wait"]);
    expect((await c.register(registerId))?.headDocketNumber).toBe(head);
    const d = await cluster.start("d", { seeds: [b], environment });
    await d.hears(registerId);
    await d.subscribe(registerId);
    const [seen] = await d.get<SubscriptionJson[]>("/api/registers/subscriptions");
    expect(seen?.syncState).not.toBe("FullyReplicated");
    await a.start();

    // The order of before holds over a restart; another one brings the past back.
    await b.stop();
    await b.start();
    expect((await stateOf(b, registerId))?.retention?.keepDockets).toBe(kept);
    await b.ok(["registers", "unsubscribe", registerId]);
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    expect(await b.register(registerId)).toMatchObject({ firstDocketNumber: 0, pausedAt: null });
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
    expect((await b.cli(["audit", registerId])).code).toBe(0);
    await until(
      async () => (await stateOf(d, registerId))?.syncState === "FullyReplicated",
      "d to have all from those who have it",
    );
    const blamed = d.log().filter((line) => line.msg === "A source is blamed for a lie");
    expect(blamed).toEqual([]);
  });

  test("a purge is answered at once, and a subscription that comes meanwhile begins anew", async () => {
    const { a, b, registerId } = await begin();
    await b.subscribe(registerId, ["--wait"]);
    await b.ok(["registers", "purge", registerId, "--yes"]);
    expect(await b.register(registerId)).toBeNull();
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
  });

  test("a cache that is purged begins anew, and one that nobody follows goes for good", async () => {
    const { a, b, registerId } = await begin();
    const follow = ["--genesis-hash", (await a.register(registerId))?.genesisHash ?? ""];
    await b.subscribe(registerId, ["--wait", ...follow]);
    const [cached] = await b.get<object[]>("/api/registers/cache");
    expect(cached).toMatchObject({ registerId, docketCount: 11, transactionCount: 51 });
    await b.ok(["registers", "purge", registerId, "--begin-anew", "--yes"]);
    await b.holds(registerId, 10);
    expect(await stateOf(b, registerId)).toMatchObject({ mode: "FullReplica" });
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
    await b.ok(["registers", "unsubscribe", registerId]);
    expect(await b.register(registerId)).not.toBeNull();
    await b.ok(["registers", "purge", registerId, "--yes"]);
    expect(await b.register(registerId)).toBeNull();
    expect((await b.cli(["registers", "purge", registerId, "--yes"])).code).toBe(5);
    const own = await a.cli(["registers", "purge", registerId, "--yes"]);
    expect([own.code, own.stderr]).toEqual([1, expect.stringContaining("seals register")]);
  });

  test("a register whose row is lost is named, taken no further, and begins anew when purged", async () => {
    const { a, b, registerId } = await begin();
    await b.subscribe(registerId, ["--wait"]);
    await b.stop();
    await b.inDatabase((sql) => sql`DELETE FROM registers WHERE register_id = ${registerId}`);
    await b.start();
    const [subscription] = await b.get<SubscriptionJson[]>("/api/registers/subscriptions");
    expect(subscription).toMatchObject({ syncState: "Error", errorCode: "register-row-lost" });
    await b.ok(["registers", "purge", registerId, "--yes"]);
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
  });
});
