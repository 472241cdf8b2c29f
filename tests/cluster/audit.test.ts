import { expect, test } from "bun:test";
import type { UpkeepJson } from "../../src/rest/schemas.ts";
import type { Sql } from "../../src/store/database.ts";
import { onEachStore, type TestNode, until } from "../support/node.ts";

const records = 3_000;

onEachStore("audit and repair", (cluster) => {
  async function replicated(): Promise<{ a: TestNode; b: TestNode; registerId: string }> {
    const lines = Array.from({ length: records }, (_, n) => `{"n":${n},"text":"record ${n}"}`);
    const path = await cluster.write("records.ndjson", `${lines.join("\n")}\n`);
    const environment = { PEER_SEAL_COUNT: "10", PEER_HEARTBEAT_MS: "1000" };
    const a = await cluster.start("a", { environment });
    const b = await cluster.start("b", { seeds: [a], environment });
    const { registerId } = await a.import(path, "audited");
    await b.hears(registerId);
    await b.subscribe(registerId, ["--wait"]);
    return { a, b, registerId };
  }

  /** Flips a byte, takes a docket away, bends a column and the index, all at different dockets. */
  async function damage(sql: Sql, registerId: string): Promise<void> {
    await sql`
      UPDATE dockets SET bundle = set_byte(bundle, 200, get_byte(bundle, 200) # 1)
      WHERE register_id = ${registerId} AND number IN (17, 111)`;
    await sql`DELETE FROM dockets WHERE register_id = ${registerId} AND number BETWEEN 40 AND 60`;
    await sql`
      UPDATE dockets SET previous_hash = hash
      WHERE register_id = ${registerId} AND number = 80`;
    await sql`
      UPDATE transactions SET key = key + 1
      WHERE register_id = ${registerId} AND docket_number = 200 AND position = 3`;
  }

  async function warningsOf(node: TestNode): Promise<string[]> {
    const { warnings } = await node.get<{ warnings: { code: string }[] }>("/api/health");
    return warnings.map(({ code }) => code);
  }

  test("a flipped byte, lost rows, a wrong column and a wrong index row are named and mended", async () => {
    const { a, b, registerId } = await replicated();
    const path = `/api/registers/${registerId}`;
    expect(await b.ok(["audit", registerId])).toContain("true");
    await b.stop();
    await b.inDatabase((sql) => damage(sql, registerId));
    await b.start();

    const found = await b.cli(["audit", registerId, "--output", "json"]);
    expect(found.code).toBe(1);
    const { damage: named } = await b.get<UpkeepJson>(`${path}/audit`);
    expect(named.map((one) => [one.part, one.firstNumber, one.lastNumber])).toEqual([
      ["bundle", 17, 17],
      ["bundle", 40, 60],
      ["columns", 80, 80],
      ["bundle", 111, 111],
      ["index", 200, 200],
    ]);
    // What is damaged is not served, and stays so over a restart.
    await b.stop();
    await b.start();
    const refused = await fetch(`${b.httpUrl}${path}/dockets/17`);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "docket-damaged" });
    expect((await fetch(`${b.httpUrl}${path}/dockets/18`)).status).toBe(200);
    expect(await warningsOf(b)).toContain("audit-found-damage");
    expect(await b.get("/api/health")).toMatchObject({ status: "degraded" });

    await until(async () => {
      const done = await b.cli(["repair", registerId]);
      return done.code === 0;
    }, "b to have its register whole again");
    expect((await b.get<UpkeepJson>(`${path}/audit`)).damage).toEqual([]);
    expect(await warningsOf(b)).not.toContain("audit-found-damage");
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
    const why = await b.ok(["registers", "why", registerId]);
    expect(why).toContain("An audit found");
    expect(why).toContain("Repaired");
  });

  test("kill -9 in the middle of a repair leaves nothing false, and a repair after it ends it", async () => {
    const { a, b, registerId } = await replicated();
    await b.stop();
    await b.inDatabase(
      (sql) => sql`DELETE FROM dockets WHERE register_id = ${registerId} AND number % 3 = 1`,
    );
    await b.start();
    await b.cli(["audit", registerId]);
    const token = (await b.ok(["token", "--service"])).trim();
    await until(async () => {
      const answer = await fetch(`${b.httpUrl}/api/registers/${registerId}/repair`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      const state = await b.get<UpkeepJson>(`/api/registers/${registerId}/audit`);
      return answer.ok && state.repairedDockets > 5;
    }, "the repair to be under way");
    await b.kill();
    await b.start();
    const left = await b.get<UpkeepJson>(`/api/registers/${registerId}/audit`);
    expect(left.damageCount).toBeGreaterThan(0);
    await until(async () => (await b.cli(["repair", registerId])).code === 0, "b to be whole");
    expect(await b.exportHash(registerId)).toBe(await a.exportHash(registerId));
  });

  test("an origin whose docket nobody else holds says so plainly, and goes on sealing", async () => {
    const path = await cluster.write("few.ndjson", '{"n":1}\n{"n":2}\n');
    const a = await cluster.start("a", { environment: { PEER_SEAL_COUNT: "1" } });
    const { registerId } = await a.import(path, "alone");
    await a.stop();
    await a.inDatabase(
      (sql) => sql`DELETE FROM dockets WHERE register_id = ${registerId} AND number = 1`,
    );
    await a.start();
    const done = await a.cli(["repair", registerId]);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain("this node is the origin, and no other node that is known here");
    const more = await cluster.write("more.ndjson", '{"n":3}\n');
    expect((await a.cli(["import", more, "--register", registerId])).code).toBe(0);
    expect((await a.register(registerId))?.headDocketNumber).toBe(3);
  });
});
