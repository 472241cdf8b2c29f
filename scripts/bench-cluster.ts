/**
 * PostgreSQL servers of a benchmark's own, durable as they come and with `wal_level = logical`,
 * from the newest installed binaries; thrown away at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findPrograms, freePort, run, unprivileged } from "./test-database.ts";

export interface Cluster {
  url: string;
  sql: postgres.Sql;
  stop(): Promise<void>;
}

/** Null where PostgreSQL is not installed on this machine. */
export async function startCluster(): Promise<Cluster | null> {
  const programs = findPrograms();
  if (programs === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "sorcha-peer-bench-pg-"));
  const runAs = process.getuid?.() === 0 ? unprivileged(folder) : [];
  const data = join(folder, "data");
  const port = await freePort();
  run([...runAs, join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"]);
  // A subscription that was taken up again would wait for five seconds otherwise.
  const logical = "-c wal_level=logical -c wal_retrieve_retry_interval=100";
  const settings = `-p ${port} -h 127.0.0.1 -k ${folder} ${logical}`;
  const control = [...runAs, join(programs, "pg_ctl"), "-D", data];
  run([...control, "-w", "-l", join(folder, "log"), "-o", settings, "start"]);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  return {
    url,
    sql,
    stop: async () => {
      await sql.end({ timeout: 2 });
      run([...control, "-m", "immediate", "stop"]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
