/**
 * What an operator has who comes from an older program: its tables, kept as text, are brought to
 * today's version by today's program, and nothing in them is lost or less true than before.
 */
import { expect, test } from "bun:test";
import type { SubscriptionJson } from "../../src/rest/schemas.ts";
import { migrations } from "../../src/store/migrations.ts";
import { onEachStore, runProgram } from "../support/node.ts";

const dump = new URL("../vectors/database-version-4.sql", import.meta.url);
const registerId = "60a5ef8b083f6f2c9c29e86c8f29de90";
const headHash = "d2d483d34662fc1e472f86c46b3dfab8eba22acc62b8da439a475b38f82a497e";

onEachStore("an older database", (cluster) => {
  test("is migrated, verified, followed on, and refused by what is older than it", async () => {
    const node = await cluster.make("b", { environment: { PEER_LOG_LEVEL: "info" } });
    const tables = await Bun.file(dump).text();
    const version = (rows: { version: number }[]) => rows[0]?.version;
    await node.inDatabase(async (sql) => {
      const schema = node.database?.schema ?? "peer";
      await sql`CREATE SCHEMA IF NOT EXISTS ${sql(schema)}`;
      await sql.unsafe(tables);
      const rows = await sql<{ version: number }[]>`
        SELECT max(number) AS version FROM schema_migrations`;
      expect(version(rows)).toBe(4);
    });
    await node.start();
    expect(await node.register(registerId)).toMatchObject({
      name: "upgraded",
      height: 3,
      transactionCount: 5,
      headDocketHash: headHash,
      verification: "sealed",
    });
    const verified = await node.ok(["verify", registerId, "--output", "json"]);
    expect(JSON.parse(verified)).toMatchObject({ isValid: true, sealedDockets: 3, headHash });
    expect((await node.cli(["audit", registerId])).code).toBe(0);
    expect(await node.ok(["export", registerId])).toBe(
      '{"n":1}\n{"n":2,"t":"żółć"}\n{"n":12345678901234567890}\n{"n":4}\n',
    );
    const [subscription] = await node.get<SubscriptionJson[]>("/api/registers/subscriptions");
    expect(subscription).toMatchObject({
      registerId,
      mode: "FullReplica",
      lastSyncedDocketVersion: 2,
    });
    const peers = await node.get<{ peerId: string }[]>("/api/peers");
    expect(peers.map((peer) => peer.peerId)).toEqual(["a"]);
    await node.stop();

    const newer = migrations.length + 1;
    await node.inDatabase(async (sql) => {
      const rows = await sql<{ version: number }[]>`
        SELECT max(number) AS version FROM schema_migrations`;
      expect(version(rows)).toBe(migrations.length);
      await sql`
        INSERT INTO schema_migrations (number, name, checksum)
        VALUES (${newer}, 'of tomorrow', '')`;
    });
    const { url, schema } = node.database ?? { url: "", schema: "" };
    const where = url === "" ? [] : ["--db-connection", url, "--db-schema", schema];
    const refused = await runProgram(["serve", "--data-dir", node.dataDir, ...where]);
    expect([refused.code, refused.stderr]).toEqual([
      6,
      `The database is at version ${newer} and this program knows only ${migrations.length}: ` +
        "start the newer program, or use another schema\n",
    ]);
  });
});
