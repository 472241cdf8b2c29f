/**
 * The database's row of the fault table. One node follows an origin through a line that can do what
 * machines and operators do to a database. Whatever happens: it is not ready and says why, nobody
 * is blamed, what it has in memory is served and the rest refused by a stable code, nothing is
 * written to the log over and over, and afterwards it is whole again by itself.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { findTestDatabase } from "../../scripts/test-database.ts";
import { DatabaseProxy } from "../support/database-proxy.ts";
import { Cluster, type RegisterView, type TestNode, until } from "../support/node.ts";

const isMissing = process.env.TEST_DATABASE_URL === "" || process.env.TEST_STORES === "embedded";
/** Lines that one outage may cost, its beginning and end included. */
const linesMax = 60;

describe.skipIf(isMissing)("A database that", () => {
  const origins = new Cluster("embedded", { keep: true });
  const targets = new Cluster("postgres", { keep: true });
  const role = `faults_${crypto.randomUUID().slice(0, 8)}`;
  let sql: postgres.Sql;
  let proxy: DatabaseProxy;
  let origin: TestNode;
  let target: TestNode;
  let registerId = "";
  let imports = 0;

  beforeAll(async () => {
    const { url } = await findTestDatabase(process.env.TEST_DATABASE_URL);
    sql = postgres(url as string, { max: 1, onnotice: () => {} });
    const { hostname, port, pathname } = new URL(url as string);
    await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'faults'`);
    await sql.unsafe(`GRANT CREATE, TEMPORARY ON DATABASE ${pathname.slice(1)} TO ${role}`);
    proxy = await DatabaseProxy.open({ host: hostname, port: Number(port || 5432) });
    origin = await origins.start("origin");
    const through = `postgres://${role}:faults@127.0.0.1:${proxy.port}${pathname}`;
    target = await targets.start("target", {
      seeds: [origin],
      environment: { PEER_DB_CONNECTION: through, PEER_DB_POOL_SIZE: "4" },
    });
    registerId = (await importMore()).registerId;
    await target.hears(registerId);
    await target.subscribe(registerId, ["--wait"]);
  }, 120_000);

  afterAll(async () => {
    await targets.removeNodes();
    proxy.close();
    await sql.unsafe(`DROP OWNED BY ${role} CASCADE`);
    await sql.unsafe(`DROP ROLE ${role}`);
    await sql.end();
  });

  test("is gone", async () => {
    await outage("database-unreachable", {
      begin: () => proxy.refuse(),
      end: () => proxy.accept(),
    });
  });

  test("takes connections and drops them at once", async () => {
    proxy.set({ match: /./, act: "cut-before" });
    await outage("database-unreachable", {
      begin: async () => proxy.cut(),
      end: async () => proxy.clearRules(),
    });
  });

  test("hangs", async () => {
    await outage("database-silent", {
      begin: async () => proxy.freeze(),
      end: async () => proxy.thaw(),
    });
  });

  test("is read-only", async () => {
    await outage("database-read-only", {
      begin: () => alter("SET default_transaction_read_only = on"),
      end: () => alter("RESET default_transaction_read_only"),
    });
  });

  test("takes no more connections", async () => {
    await outage("database-connections", {
      begin: () => alter("CONNECTION LIMIT 0"),
      end: async () => void (await sql.unsafe(`ALTER ROLE ${role} CONNECTION LIMIT -1`)),
    });
  });

  test("has no disk left", async () => {
    await outage("database-full", {
      begin: async () => {
        proxy.set({ match: /^(copy|insert|create)/i, act: "refuse", sqlState: "53100" });
        await importMore();
      },
      end: async () => proxy.clearRules(),
    });
  });

  for (const [where, match, act, records] of [
    ["in the middle of a page", /^\s*copy transactions/i, "cut-before", 150],
    ["before a commit", /^commit/i, "cut-before", 150],
    ["between a commit and its answer", /^commit/i, "cut-after", 150],
    ["before a small page", /^\s*with given/i, "cut-before", 10],
    ["between a small page and its answer", /^\s*with given/i, "cut-after", 10],
  ] as const) {
    test(`is cut off ${where} loses and doubles nothing`, async () => {
      proxy.set({ match, act, isOnce: true });
      await importMore(records);
      await expectWhole();
      expect(proxy.applied).toBe(1);
      proxy.clearRules();
    });
  }

  test("is slow only makes the node slow", async () => {
    proxy.delayMs = 30;
    await importMore();
    await expectWhole();
    expect((await fetch(`${target.httpUrl}/readyz`)).status).toBe(200);
    proxy.delayMs = 0;
  });

  test("had all of that leaves a copy that verifies from genesis to head", async () => {
    await target.ok(["verify", registerId]);
    expect(await target.exportHash(registerId)).toBe(await origin.exportHash(registerId));
  });

  /** From a node that is well to one that is well again, with records flowing in meanwhile. */
  async function outage(
    code: string,
    fault: { begin: () => Promise<unknown>; end: () => Promise<unknown> },
  ): Promise<void> {
    const linesBefore = target.log().length;
    await fault.begin();
    await until(async () => (await readiness()).code === code, `readiness to say ${code}`);
    await importMore();
    const isTold = async () => (await syncError())?.startsWith("database-") === true;
    await until(isTold, "the subscription to name the database");
    expect((await fetch(`${target.httpUrl}/livez`)).status).toBe(200);
    expect(await target.register(registerId)).toMatchObject({ registerId });
    await expectHonestReads();
    await expectRefusedBan();
    await fault.end();
    await until(async () => (await readiness()).status === 200, `the node to be ready`);
    await expectWhole();
    const said = target.log().slice(linesBefore);
    expect(said.length).toBeLessThan(linesMax);
    expect(said.filter((line) => line.code === code).length).toBeGreaterThan(0);
    expect(said.filter((line) => line.msg === "A source is blamed for a lie")).toEqual([]);
    expect(said.filter((line) => line.code === "internal")).toEqual([]);
  }

  /** A read is answered with what is true, from memory or store, or refused by a stable code. */
  async function expectHonestReads(): Promise<void> {
    const path = `/api/registers/${registerId}/dockets?from=0&limit=2`;
    const answer = await fetch(target.httpUrl + path);
    const body = await answer.json();
    if (answer.status === 200) expect(body).toEqual(await origin.get<unknown>(path));
    else expect([answer.status, body.code]).toEqual([503, expect.stringMatching(/^database-/)]);
    const unknown = await fetch(`${target.httpUrl}/api/registers/${registerId}/transactions/none`);
    expect([404, 503]).toContain(unknown.status);
    if (unknown.status === 503) expect((await unknown.json()).code).toMatch(/^database-/);
  }

  /** What would not outlive a restart is refused: the peer serves on once the database is back. */
  async function expectRefusedBan(): Promise<void> {
    const done = await target.cli(["peers", "ban", "origin"]);
    expect(done.code).toBe(7);
    expect(done.stderr).toContain("database");
    const [peer] = await target.get<Record<string, unknown>[]>("/api/peers");
    expect(peer).toMatchObject({ peerId: "origin", isBanned: false });
  }

  /** Its copy is the origin's, by the hash that all of it goes into; the origin is not blamed. */
  async function expectWhole(): Promise<void> {
    const whole = await origin.register(registerId);
    await target.holds(registerId, whole?.headDocketNumber ?? -1);
    const { headDocketHash, height, transactionCount } = whole as RegisterView;
    const copy = await target.register(registerId);
    expect(copy).toMatchObject({ headDocketHash, height, transactionCount });
    const [peer] = await target.get<Record<string, unknown>[]>("/api/peers");
    expect(peer).toMatchObject({ peerId: "origin", isBanned: false, quarantinedUntil: null });
  }

  async function readiness(): Promise<{ status: number; code: string | null }> {
    const answer = await fetch(`${target.httpUrl}/readyz`);
    const body = (await answer.json()) as { reason?: { code: string } };
    return { status: answer.status, code: body.reason?.code ?? null };
  }

  async function syncError(): Promise<string | null> {
    return (await target.register(registerId))?.subscription?.errorCode ?? null;
  }

  async function importMore(records = 150): Promise<{ registerId: string }> {
    imports += 1;
    const lines = Array.from({ length: records }, (_, index) => `{"i":${imports},"n":${index}}\n`);
    const file = await origins.write(`part-${imports}.ndjson`, lines.join(""));
    if (registerId === "") return origin.import(file, "faults");
    await origin.ok(["import", file, "--register", registerId]);
    return { registerId };
  }

  /** For sessions to come; those there are end. */
  async function alter(what: string): Promise<void> {
    await sql.unsafe(`ALTER ROLE ${role} ${what}`);
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${role}`;
  }
});
