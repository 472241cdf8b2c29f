/**
 * Real nodes for tests: each a process of this checkout's program, with a data directory and, on
 * PostgreSQL, a schema of its own. They are stopped, killed and started again by their pid; what a
 * test made is gone afterwards.
 */
import { afterAll, afterEach, describe } from "bun:test";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findTestDatabase } from "../../scripts/test-database.ts";
import type { RegisterJson, SubscriptionJson } from "../../src/rest/schemas.ts";
import { openDatabase, type Sql } from "../../src/store/database.ts";
import { embeddedThreadUrl, makeEmbedded as makeStartedEmbedded } from "./database.ts";

export type StoreKind = "embedded" | "postgres";
export type RegisterView = RegisterJson & { subscription: SubscriptionJson | null };
export type LogLine = Record<string, unknown> & { msg?: string; level?: string };

export interface Done {
  code: number;
  stdout: string;
  stderr: string;
}

export interface NodeOptions {
  seeds?: readonly TestNode[];
  environment?: Record<string, string>;
  /** Further flags of `serve`. */
  flags?: readonly string[];
  /** A command that runs the node's, such as one that changes what it sees of the machine. */
  within?: readonly string[];
  /** Runs in place of the program, with the same words. */
  program?: string;
}

const program = new URL("../../src/main.ts", import.meta.url).pathname;
/** Bun's flag ends the child with the test run, even when that is killed. */
const commandOf = (path: string) => [process.execPath, "--no-orphans", path];
export const command = commandOf(program);
const patienceMs = 60_000;

/** The body once on each kind of store; PostgreSQL is left out where the runner found none. */
export function onEachStore(name: string, body: (cluster: Cluster) => void): void {
  const wanted = (process.env.TEST_STORES ?? "embedded,postgres").split(",");
  for (const kind of ["embedded", "postgres"] as const) {
    if (!wanted.includes(kind)) continue;
    const isMissing = kind === "postgres" && process.env.TEST_DATABASE_URL === "";
    describe.skipIf(isMissing)(`${name} (${kind})`, () => body(new Cluster(kind)));
  }
}

/** The nodes of one group of tests. Ends them after each test, or with `keep` after the last. */
export class Cluster {
  #folder: string | null = null;
  readonly #nodes: TestNode[] = [];
  #count = 0;

  constructor(
    readonly kind: StoreKind,
    options: { keep?: boolean } = {},
  ) {
    if (!options.keep) afterEach(() => this.removeNodes());
    afterAll(async () => {
      await this.removeNodes();
      if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Made when it is first wanted: a group whose tests are left out leaves nothing behind. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), "sorcha-peer-cluster-"));
    return this.#folder;
  }

  /** A started node that is ready. Names may come again in the next test. */
  async start(name: string, options: NodeOptions = {}): Promise<TestNode> {
    const node = await this.make(name, options);
    await node.start();
    return node;
  }

  /** A node that was not started yet. */
  async make(name: string, options: NodeOptions = {}): Promise<TestNode> {
    this.#count += 1;
    const dataDir = join(this.folder, `${name}-${this.#count}`);
    if (this.kind === "embedded") await makeEmbedded(dataDir);
    else mkdirSync(dataDir, { mode: 0o700 });
    const database = this.kind === "postgres" ? await makeSchema() : null;
    const node = new TestNode(name, { ...options, dataDir, database });
    this.#nodes.push(node);
    return node;
  }

  /** A file for a command to read. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await Bun.write(path, content);
    return path;
  }

  async removeNodes(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.remove()));
  }
}

interface TestDatabaseSchema {
  url: string;
  schema: string;
}

export class TestNode {
  httpUrl = "";
  grpcAddress = "";
  #process: Bun.Subprocess | null = null;
  #host = "127.0.0.1";

  constructor(
    readonly name: string,
    private readonly options: NodeOptions & {
      dataDir: string;
      database: TestDatabaseSchema | null;
    },
  ) {}

  get dataDir(): string {
    return this.options.dataDir;
  }

  /** Where its tables are; null for an embedded database. */
  get database(): TestDatabaseSchema | null {
    return this.options.database;
  }

  get logFile(): string {
    return `${this.dataDir}.log`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it and waits until it is ready; again on the same ports as before. */
  async start(): Promise<void> {
    this.spawn();
    await until(() => this.#isReady(), `node ${this.name} to be ready; log: ${this.logFile}`);
  }

  /** Starts it and waits for nothing. */
  spawn(): void {
    const { seeds = [], flags = [], within = [], database, environment } = this.options;
    const http = this.httpUrl === "" ? "0" : new URL(this.httpUrl).port;
    const grpc = this.grpcAddress === "" ? "0" : (this.grpcAddress.split(":").at(-1) ?? "0");
    const ports = ["--http-port", http, "--grpc-port", grpc];
    const where = ["--data-dir", this.dataDir, "--node-id", this.name];
    const told = seeds.flatMap((seed) => ["--seed", seed.grpcAddress]);
    rmSync(join(this.dataDir, "run.json"), { force: true });
    const log = openSync(this.logFile, "a");
    const run = commandOf(this.options.program ?? program);
    const words = ["serve", "--host", this.#host, ...where, ...ports, ...told, ...flags];
    this.#process = Bun.spawn([...within, ...run, ...words], {
      cwd: tmpdir(),
      env: nodeEnvironment({
        ...(database === null ? {} : databaseEnvironment(database)),
        ...environment,
      }),
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    closeSync(log);
  }

  /** Another address for its next start. */
  move(host: string): void {
    this.#host = host;
  }

  /** As the power cut does it. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    this.#process = null;
  }

  /** As an operator does it. Gives the exit code. */
  async stop(): Promise<number> {
    this.#process?.kill("SIGTERM");
    const code = (await this.#process?.exited) ?? 0;
    this.#process = null;
    return code;
  }

  /** The exit code of a node that ends by itself. */
  async ended(): Promise<number> {
    return (await this.#process?.exited) ?? 0;
  }

  /** Work on its database while it is down, as someone with the disk in his hands does it. */
  async inDatabase<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const { database, dataDir } = this.options;
    const opened = await openDatabase({
      ...(database === null ? {} : { connection: database.url }),
      schema: database?.schema ?? "peer",
      poolSize: 1,
      dataDir,
      embeddedThreadUrl,
    });
    try {
      return await work(opened.sql);
    } finally {
      await opened.close();
    }
  }

  async remove(): Promise<void> {
    await this.kill();
    if (this.options.database !== null) await dropSchema(this.options.database);
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** A command of the program, aimed at this node unless `bare`. */
  async cli(words: readonly string[], options: CliOptions = {}): Promise<Done> {
    const where = ["--url", this.httpUrl, "--data-dir", this.dataDir];
    return runProgram([...words, ...(options.bare ? [] : where)], options);
  }

  /** The same, where anything but success fails the test. Gives stdout. */
  async ok(words: readonly string[], options: CliOptions = {}): Promise<string> {
    const done = await this.cli(words, options);
    if (done.code === 0) return done.stdout;
    throw new Error(`${words.join(" ")} ended with ${done.code}: ${done.stderr}${done.stdout}`);
  }

  async get<T>(path: string): Promise<T> {
    const answer = await fetch(this.httpUrl + path);
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** What it holds of a register, or null. */
  async register(registerId: string): Promise<RegisterView | null> {
    const answer = await fetch(`${this.httpUrl}/api/registers/${registerId}`);
    return answer.ok ? ((await answer.json()) as RegisterView) : null;
  }

  /** Waits until its copy has this docket. */
  async holds(registerId: string, docketNumber: number): Promise<void> {
    await until(async () => {
      const register = await this.register(registerId);
      return register !== null && register.headDocketNumber >= docketNumber;
    }, `${this.name} to hold docket ${docketNumber}; log: ${this.logFile}`);
  }

  /** Waits until its peers told it of a register. */
  async hears(registerId: string): Promise<void> {
    await until(async () => {
      const available = await this.get<{ registerId: string }[]>("/api/registers/available");
      return available.some((register) => register.registerId === registerId);
    }, `${this.name} to hear of ${registerId}; log: ${this.logFile}`);
  }

  /** Imports a file as a register; gives its id and facts, as the command's last line says them. */
  async import(path: string, name: string): Promise<Imported> {
    const output = await this.ok(["import", path, "--name", name, "--output", "json"]);
    return JSON.parse(lastLine(output)) as Imported;
  }

  async subscribe(registerId: string, flags: readonly string[] = []): Promise<void> {
    await this.ok(["registers", "subscribe", registerId, "--mode", "full-replica", ...flags]);
  }

  /** SHA-256 of the export. */
  async exportHash(registerId: string): Promise<string> {
    return sha256(await this.ok(["export", registerId]));
  }

  /** What it logged since it was made, across restarts; lines that are no JSON are left out. */
  log(): LogLine[] {
    return readFileSync(this.logFile, "utf8")
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as LogLine] : []));
  }

  async #isReady(): Promise<boolean> {
    const code = this.#process?.exitCode ?? null;
    if (code !== null) {
      const log = readFileSync(this.logFile, "utf8");
      throw new Error(`Node ${this.name} ended with ${code}: ${log}`);
    }
    const path = join(this.dataDir, "run.json");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (!text.endsWith("\n")) return false;
    const facts = JSON.parse(text);
    this.httpUrl = facts.httpUrl;
    this.grpcAddress = facts.grpcAddress;
    return (await fetch(`${this.httpUrl}/readyz`)).ok;
  }
}

export interface Imported {
  registerId: string;
  genesisHash: string;
  dockets: number;
  transactions: number;
}

export interface CliOptions {
  /** Name no node: neither `--url` nor `--data-dir` is added. */
  bare?: boolean;
  input?: string | Uint8Array;
  environment?: Record<string, string>;
}

/** Any command of the program, in a process of its own. */
export async function runProgram(
  words: readonly string[],
  options: CliOptions = {},
): Promise<Done> {
  const child = Bun.spawn([...command, ...words], {
    cwd: tmpdir(),
    env: nodeEnvironment(options.environment ?? {}),
    stdin: options.input === undefined ? "ignore" : Buffer.from(options.input as string),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Looks again and again; an error that is not a refused connection ends it. */
export async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (performance.now() < deadlineMs) {
    if (await isSo().catch(falseWhenUnreachable)) return;
    await Bun.sleep(10);
  }
  throw new Error(`Waited ${patienceMs / 1000} s in vain for ${what}`);
}

export function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function falseWhenUnreachable(error: unknown): false {
  const { code } = error as { code?: string };
  if (code === "ConnectionRefused" || code === "ECONNRESET" || code === "ConnectionClosed")
    return false;
  throw error;
}

/** The settings of whoever runs the tests must not reach the nodes. */
function nodeEnvironment(added: Record<string, string>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(PEER_|JwtSettings__|JWTSETTINGS__|NODE_ENV$)/.test(name),
  );
  // Tests look at their nodes many times a second.
  const rates = { PEER_READS_PER_MINUTE: "10000000", PEER_WRITES_PER_MINUTE: "10000000" };
  return { ...Object.fromEntries(own), ...rates, ...added };
}

function databaseEnvironment(database: TestDatabaseSchema): Record<string, string> {
  return { PEER_DB_CONNECTION: database.url, PEER_DB_SCHEMA: database.schema };
}

/** A first start takes seconds, and is tested elsewhere: these begin with its outcome. */
async function makeEmbedded(dataDir: string): Promise<void> {
  const started = await makeStartedEmbedded();
  renameSync(started.options.dataDir, dataDir);
}

async function makeSchema(): Promise<TestDatabaseSchema> {
  const server = await findTestDatabase(process.env.TEST_DATABASE_URL);
  if (server.url === null) throw new Error(`These tests want PostgreSQL, and have ${server.what}`);
  const schema = `cluster_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  return { url: server.url, schema };
}

async function dropSchema(database: TestDatabaseSchema): Promise<void> {
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  await sql`DROP SCHEMA IF EXISTS ${sql(database.schema)} CASCADE`;
  await sql.end();
}
