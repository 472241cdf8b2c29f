/**
 * Where benchmarked nodes keep their data: schemas of their own in the PostgreSQL of the tests, and
 * long registers that are built once and kept, so that a run does not begin with building them.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { folder } from "./bench-node.ts";

/** A register in a store that a node can be started on. */
export interface LongRegister {
  registerId: string;
  /** Name of the node's folder for `startNode`. */
  name: string;
  environment: Record<string, string>;
  /** What building took, when it was built. */
  seconds: number;
}

const kept = join(tmpdir(), "sorcha-peer-bench-data");
const schemas = new Set<string>();

/** The settings of a node with this schema for itself; without a URL it is embedded. */
export function environmentIn(url: string | null, name: string): Record<string, string> {
  const unbound = { PEER_SERVICE_PER_MINUTE: "1000000", PEER_READS_PER_MINUTE: "1000000" };
  if (url === null) return unbound;
  const schema = `bench_${process.pid}_${name.replaceAll("-", "_")}`;
  schemas.add(schema);
  return { ...unbound, PEER_DB_CONNECTION: url, PEER_DB_SCHEMA: schema };
}

export async function dropSchemas(url: string | null): Promise<void> {
  if (url === null || schemas.size === 0) return;
  await drop(url, [...schemas]);
  schemas.clear();
}

/** The register of so many dockets, built now or at an earlier run. */
export async function longRegister(
  url: string | null,
  wanted: { dockets: number; perDocket?: number; recordBytes?: number },
): Promise<LongRegister> {
  const { dockets, perDocket = 1, recordBytes = 16 } = wanted;
  const { store, name, schema } = namesOf(url, { dockets, perDocket, recordBytes });
  const directory = join(kept, name);
  const note = `${directory}.json`;
  if (!existsSync(note)) {
    await dropLong(url, wanted);
    mkdirSync(kept, { recursive: true });
    const script = new URL("./bench-build.ts", import.meta.url).pathname;
    const shape = ["--dockets", `${dockets}`, "--per-docket", `${perDocket}`];
    const size = ["--record-bytes", `${recordBytes}`];
    const where = url === null ? [] : ["--connection", url, "--schema", schema];
    console.error(`building ${dockets} dockets of ${perDocket} (${store}), once`);
    const built = Bun.spawnSync(
      [process.execPath, script, "--data-dir", directory, ...shape, ...size, ...where],
      { stdout: "pipe", stderr: "inherit" },
    );
    if (!built.success) throw new Error("The long register was not built");
    writeFileSync(note, built.stdout.toString());
  }
  const { registerId, seconds } = JSON.parse(readFileSync(note, "utf8"));
  const link = join(folder, name);
  if (!existsSync(link)) symlinkSync(directory, link);
  const database: Record<string, string> =
    url === null ? {} : { PEER_DB_CONNECTION: url, PEER_DB_SCHEMA: schema };
  const environment = { ...environmentIn(null, name), ...database };
  return { registerId, name, seconds, environment };
}

export async function dropLong(
  url: string | null,
  wanted: { dockets: number; perDocket?: number; recordBytes?: number },
): Promise<void> {
  const { dockets, perDocket = 1, recordBytes = 16 } = wanted;
  const { name, schema } = namesOf(url, { dockets, perDocket, recordBytes });
  rmSync(join(kept, name), { recursive: true, force: true });
  rmSync(join(kept, `${name}.json`), { force: true });
  if (url !== null) await drop(url, [schema]);
}

function namesOf(
  url: string | null,
  of: { dockets: number; perDocket: number; recordBytes: number },
): { store: string; name: string; schema: string } {
  const store = url === null ? "embedded" : "postgres";
  const shape = `${of.dockets}_${of.perDocket}_${of.recordBytes}`;
  return { store, name: `${store}-${shape}`, schema: `bench_data_${shape}` };
}

async function drop(url: string, names: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  for (const schema of names) await sql`DROP SCHEMA IF EXISTS ${sql(schema)} CASCADE`;
  await sql.end();
}
