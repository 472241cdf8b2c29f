/** A node of the soak: a process of this checkout that is killed and started again. */
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const main = new URL("../src/main.ts", import.meta.url).pathname;
const patienceMs = 60_000;

export interface SoakNodeOptions {
  name: string;
  folder: string;
  seeds: readonly SoakNode[];
  environment: Record<string, string>;
}

export interface Place {
  headDocketNumber: number;
  headDocketHash: string;
  height: number;
  transactionCount: number;
  latestVersion: number;
}

export class SoakNode {
  readonly name: string;
  readonly dataDir: string;
  httpUrl = "";
  grpcAddress = "";
  #token = "";
  #process: Bun.Subprocess | null = null;

  constructor(private readonly options: SoakNodeOptions) {
    this.name = options.name;
    this.dataDir = join(options.folder, options.name);
  }

  get logFile(): string {
    return `${this.dataDir}.log`;
  }

  /** The exit code of a process that ended by itself; null while it runs. */
  get endedWith(): number | null {
    return this.#process?.exitCode ?? null;
  }

  spawn(): void {
    const port = (address: string) => address.split(":").at(-1) || "0";
    const http = this.httpUrl === "" ? "0" : new URL(this.httpUrl).port;
    const ports = ["--http-port", http, "--grpc-port", port(this.grpcAddress)];
    const seeds = this.options.seeds.flatMap((seed) => ["--seed", seed.grpcAddress]);
    const where = ["--data-dir", this.dataDir, "--node-id", this.name];
    rmSync(join(this.dataDir, "run.json"), { force: true });
    const log = openSync(this.logFile, "a");
    this.#process = Bun.spawn(
      [process.execPath, "--no-orphans", main, "serve", ...where, ...ports, ...seeds],
      {
        env: { ...ownEnvironment(), ...this.options.environment },
        stdin: "ignore",
        stdout: log,
        stderr: log,
      },
    );
    closeSync(log);
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    this.#process = null;
  }

  /** Waits until it is ready; one that ended because its database was away is started again. */
  async ready(): Promise<void> {
    for (const endMs = Date.now() + patienceMs; Date.now() < endMs; await Bun.sleep(20)) {
      if (this.#process === null || this.endedWith !== null) this.spawn();
      if (await this.#isReady()) return;
    }
    throw new Error(`${this.name} is not ready after ${patienceMs / 1_000} s; ${this.logFile}`);
  }

  async makeToken(): Promise<void> {
    this.#token = (await this.command(["token", "--service"])).trim().split("\n").at(-1) ?? "";
  }

  /** Null for an answer that is none: away, or not ready. */
  async get<T>(path: string): Promise<T | null> {
    const answer = await fetch(this.httpUrl + path, { signal: AbortSignal.timeout(5_000) }).catch(
      () => null,
    );
    return answer?.ok ? ((await answer.json().catch(() => null)) as T | null) : null;
  }

  async post<T>(path: string, body: string | object): Promise<T | null> {
    const isText = typeof body === "string";
    const answer = await fetch(this.httpUrl + path, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.#token}`,
        "content-type": isText ? "application/x-ndjson" : "application/json",
      },
      body: isText ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    }).catch(() => null);
    return answer?.ok ? ((await answer.json().catch(() => null)) as T | null) : null;
  }

  register(registerId: string): Promise<Place | null> {
    return this.get(`/api/registers/${registerId}`);
  }

  /** Output of a command of the program, which must succeed. */
  async command(words: readonly string[], where: readonly string[] = []): Promise<string> {
    const child = Bun.spawn(
      [process.execPath, main, ...words, "--data-dir", this.dataDir, ...where],
      { env: ownEnvironment(), stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const [output, error] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) === 0) return output;
    throw new Error(`${words.join(" ")} at ${this.name}: ${error}`);
  }

  /** Where each run of replication began, in order, over all starts. */
  takenUpAt(): number[] {
    const lines = readFileSync(this.logFile, "utf8").split("\n");
    const starts = lines.filter((line) => line.includes('"Pulling from here on"'));
    return starts.map((line) => JSON.parse(line).nextDocket as number);
  }

  async #isReady(): Promise<boolean> {
    const path = join(this.dataDir, "run.json");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (!text.endsWith("\n")) return false;
    Object.assign(this, JSON.parse(text));
    const signal = AbortSignal.timeout(5_000);
    const answer = await fetch(`${this.httpUrl}/readyz`, { signal }).catch(() => null);
    return answer?.ok === true;
  }
}

/** The settings of whoever runs the soak must not reach its nodes. */
function ownEnvironment(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(PEER_|NODE_ENV$)/.test(name));
  const rates = { PEER_READS_PER_MINUTE: "10000000", PEER_WRITES_PER_MINUTE: "10000000" };
  return { ...Object.fromEntries(own), ...rates };
}
