/**
 * The PostgreSQL that the tests use: the one named, the one that runs here, one that this script
 * starts and throws away, or none, in which case only the embedded database is tested.
 */
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";

export interface TestDatabase {
  /** Null: no PostgreSQL was found. */
  url: string | null;
  /** Says which one it is, as the end of "The tests use …". */
  what: string;
  stop: () => void;
}

const oldestVersion = 15;
const usualUrl = "postgres://postgres@127.0.0.1:5432/postgres";

export async function findTestDatabase(named: string | undefined): Promise<TestDatabase> {
  if (named !== undefined && named !== "") {
    const failure = await tryDatabase(named);
    if (failure === null) return { url: named, what: "TEST_DATABASE_URL", stop: () => {} };
    throw new Error(`TEST_DATABASE_URL is set, but that database cannot be used: ${failure}`);
  }
  if ((await tryDatabase(usualUrl)) === null) {
    return { url: usualUrl, what: "the PostgreSQL at 127.0.0.1:5432", stop: () => {} };
  }
  const programs = findPrograms();
  if (programs === null) {
    return { url: null, what: "the embedded database only: no PostgreSQL here", stop: () => {} };
  }
  return startCluster(programs);
}

/** Null when it answers and is new enough, else why not. */
async function tryDatabase(url: string): Promise<string | null> {
  try {
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
    try {
      const rows = await sql<{ version: number }[]>`
        select current_setting('server_version_num')::int / 10000 as version`;
      const version = rows[0]?.version ?? 0;
      return version >= oldestVersion ? null : `it is version ${version}, not ${oldestVersion}`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  }
}

/** The folder of the newest installed `initdb` and `pg_ctl`. Debian keeps them off the PATH. */
export function findPrograms(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? readdirSync(debian).map(Number).filter(Number.isFinite)
    : [];
  const newest = Math.max(0, ...versions);
  if (newest >= oldestVersion) return join(debian, String(newest), "bin");
  const onPath = Bun.which("initdb");
  return onPath === null ? null : join(onPath, "..");
}

async function startCluster(programs: string): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-tests-"));
  const runAs = process.getuid?.() === 0 ? unprivileged(folder) : [];
  const data = join(folder, "data");
  const port = await freePort();
  run([...runAs, join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"]);
  const settings = `-p ${port} -h 127.0.0.1 -k ${folder} -c fsync=off -c full_page_writes=off`;
  const control = [...runAs, join(programs, "pg_ctl"), "-D", data];
  run([...control, "-w", "-l", join(folder, "log"), "-o", settings, "start"]);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    what: `a PostgreSQL of their own, started from ${programs}`,
    stop: () => {
      run([...control, "-m", "immediate", "stop"]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: the account that its package made runs it. */
export function unprivileged(folder: string): string[] {
  const ids = ["-u", "-g"].map((flag) =>
    Number(Bun.spawnSync(["id", flag, "postgres"]).stdout.toString()),
  );
  const [user, group] = ids as [number, number];
  chownSync(folder, user, group);
  return ["setpriv", `--reuid=${user}`, `--regid=${group}`, "--clear-groups"];
}

export function run(command: string[]): void {
  const result = Bun.spawnSync(command, { cwd: tmpdir(), stdout: "pipe", stderr: "pipe" });
  if (result.success) return;
  throw new Error(`${command.join(" ")} failed: ${result.stderr}${result.stdout}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No free port");
  return address.port;
}
