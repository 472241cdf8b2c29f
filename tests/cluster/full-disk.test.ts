/**
 * A disk that is really full: a small file system of memory under the data of a node or of its
 * database, and a file that takes what is left of it. The node says so, keeps what it has, and goes
 * on by itself once there is room.
 */
import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SoakDatabase } from "../../scripts/soak-database.ts";
import { findPrograms } from "../../scripts/test-database.ts";
import { Cluster, type TestNode, until } from "../support/node.ts";

const stores = (process.env.TEST_STORES ?? "embedded,postgres").split(",");
/** Bytes that a full disk has left: less than the database wants at once. */
const leftBytes = 256 * 1_024;
const mounts: string[] = [];
const scratch = mkdtempSync(join(tmpdir(), "sorcha-peer-full-disk-"));
// The database's own user must get in.
chmodSync(scratch, 0o711);
const mayMount = mount(join(scratch, "try"), "1m");
if (!mayMount) console.log("File systems may not be mounted here: the full disk is passed over");

afterAll(() => {
  for (const path of mounts) Bun.spawnSync(["umount", "-l", path]);
  rmSync(scratch, { recursive: true, force: true });
});

describe.skipIf(!mayMount)("A full disk", () => {
  const origins = new Cluster("embedded");

  test.skipIf(!stores.includes("embedded"))("under the embedded database", async () => {
    const origin = await origins.start("origin");
    const target = await origins.make("target", { seeds: [origin] });
    const before = join(scratch, "before");
    cpSync(target.dataDir, before, { recursive: true });
    expect(mount(target.dataDir, "400m")).toBe(true);
    cpSync(before, target.dataDir, { recursive: true });
    await target.start();
    await fillAndFree({ origin, target, disk: target.dataDir, onRoom: async () => {} });
    await target.kill();
    Bun.spawnSync(["umount", "-l", target.dataDir]);
  });

  const hasPostgres = stores.includes("postgres") && findPrograms() !== null;
  test.skipIf(!hasPostgres)("under PostgreSQL", async () => {
    const disk = join(scratch, "postgres");
    expect(mount(disk, "400m")).toBe(true);
    const database = (await SoakDatabase.make(disk)) as SoakDatabase;
    try {
      const origin = await origins.start("origin");
      const environment = { PEER_DB_CONNECTION: database.url, PEER_DB_SCHEMA: "full" };
      const target = await origins.start("target", { seeds: [origin], environment });
      // A server that could not write its log has ended: whoever keeps it starts it again.
      await fillAndFree({ origin, target, disk, onRoom: () => database.start() });
      await target.kill();
    } finally {
      await database.kill();
    }
  });
});

async function fillAndFree(given: {
  origin: TestNode;
  target: TestNode;
  disk: string;
  onRoom: () => Promise<void>;
}): Promise<void> {
  const { origin, target, disk } = given;
  const file = join(scratch, "records.ndjson");
  writeFileSync(file, lines(0));
  const { registerId } = await origin.import(file, "full");
  await target.hears(registerId);
  await target.subscribe(registerId, ["--wait"]);
  const filler = join(disk, "filler");
  fill(filler, disk);
  let imports = 0;
  await until(async () => {
    if ((await readyCode(target)) === "database-full") return true;
    imports += 1;
    writeFileSync(file, lines(imports));
    await origin.ok(["import", file, "--register", registerId]);
    return false;
  }, `the full disk to be noticed; log: ${target.logFile}`);
  expect((await fetch(`${target.httpUrl}/livez`)).status).toBe(200);
  const held = await target.register(registerId);
  expect(held?.transactionCount).toBeGreaterThan(0);
  rmSync(filler);
  await given.onRoom();
  await until(async () => (await readyCode(target)) === null, "the node to be ready again");
  const whole = await origin.register(registerId);
  await target.holds(registerId, whole?.headDocketNumber ?? -1);
  await target.ok(["verify", registerId]);
  expect(await target.exportHash(registerId)).toBe(await origin.exportHash(registerId));
  const [peer] = await target.get<Record<string, unknown>[]>("/api/peers");
  expect(peer).toMatchObject({ peerId: "origin", isBanned: false, quarantinedUntil: null });
}

async function readyCode(node: TestNode): Promise<string | null> {
  const answer = await fetch(`${node.httpUrl}/readyz`);
  if (answer.ok) return null;
  return ((await answer.json()) as { reason?: { code: string } }).reason?.code ?? "unknown";
}

/** Takes all but a little of what the file system has. */
function fill(path: string, disk: string): void {
  const { bavail, bsize } = statfsSync(disk);
  const taken = Bun.spawnSync(["fallocate", "-l", String(bavail * bsize - leftBytes), path]);
  expect(taken.exitCode).toBe(0);
}

function mount(path: string, size: string): boolean {
  mkdirSync(path, { recursive: true });
  try {
    const words = ["mount", "-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", path];
    const isMounted = Bun.spawnSync(words, { stderr: "ignore" }).exitCode === 0;
    if (isMounted) mounts.push(path);
    return isMounted;
  } catch {
    return false;
  }
}

function lines(part: number): string {
  const text = "x".repeat(1_000);
  const one = (n: number) => `{"part":${part},"n":${n},"text":"${text}"}\n`;
  return Array.from({ length: 500 }, (_, n) => one(n)).join("");
}
