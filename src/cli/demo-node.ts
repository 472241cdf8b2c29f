import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hexOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { childOf } from "../base/signal.ts";
import type { RegisterJson, SubscriptionJson } from "../rest/schemas.ts";
import { systemClock } from "../runtime/clock.ts";
import { type Child, spawnChild } from "../runtime/process.ts";

const patienceMs = 60_000;
const stopMs = 12_000;

/** The demo's nodes are started as they are shown, not as the shell happens to be set up. */
const hidden = /^(PEER_|JwtSettings__|JWTSETTINGS__|NODE_ENV$)/;

export interface DemoNodeOptions {
  /** What starts this program. */
  command: readonly string[];
  /** Parent of the node's own directory and its log. */
  folder: string;
  name: string;
  httpPort: number;
  seeds: readonly string[];
  /** Ends every wait. */
  signal: AbortSignal;
}

/**
 * A node of the demo: this very program as another process, spoken to as any operator would, by
 * command line and REST.
 */
export class DemoNode {
  readonly name: string;
  readonly dataDir: string;
  readonly #command: readonly string[];
  readonly #child: Child;
  readonly #signal: AbortSignal;
  #facts: RunFacts | null = null;
  #token = "";

  /** Starts it; `ready` waits for it. */
  constructor(options: DemoNodeOptions) {
    this.name = options.name;
    this.dataDir = join(options.folder, options.name);
    this.#command = options.command;
    this.#signal = options.signal;
    mkdirSync(this.dataDir, { mode: 0o700 });
    const flags = ["--data-dir", this.dataDir, "--node-id", this.name, "--grpc-port", "0"];
    const port = ["--http-port", String(options.httpPort)];
    const seeds = options.seeds.flatMap((seed) => ["--seed", seed]);
    this.#child = spawnChild([...this.#command, "serve", ...flags, ...port, ...seeds], {
      hidden,
      outputFile: `${this.dataDir}.log`,
    });
  }

  /** Resolves when it can be used; rejects when it ends instead. */
  async ready(): Promise<void> {
    const isReady = async () => {
      this.#facts = readFacts(this.dataDir);
      return this.#facts !== null && (await fetch(`${this.httpUrl}/readyz`)).ok;
    };
    const waiting = childOf(this.#signal);
    const ended = this.#child.exited.then((code) => {
      throw failed(`Node ${this.name} ended with exit code ${code}`);
    });
    const asked = until(isReady, { what: `node ${this.name}`, signal: waiting.signal });
    for (const promise of [ended, asked]) promise.catch(() => undefined);
    await Promise.race([ended, asked]).finally(() => waiting.abort());
    waiting.dispose();
    this.#token = lastLine(await this.#run(["token", "--service", "--data-dir", this.dataDir]));
  }

  get httpUrl(): string {
    return this.#facts?.httpUrl ?? "";
  }

  /** With a token after the hash: the page takes it out at once, and no server ever sees it. */
  get dashboardUrl(): string {
    return `${this.httpUrl}/#token=${this.#token}`;
  }

  get grpcAddress(): string {
    return this.#facts?.grpcAddress ?? "";
  }

  /** One command of the program's command line, aimed at this node. Gives what it printed. */
  run(words: readonly string[]): Promise<string> {
    return this.#run([...words, "--url", this.httpUrl, "--data-dir", this.dataDir]);
  }

  /** The register's records as this node hands them out: SHA-256 of the export. */
  async exportHash(registerId: string): Promise<string> {
    const hash = createHash("sha256");
    const where = ["--url", this.httpUrl, "--data-dir", this.dataDir];
    await this.#runInto(["export", registerId, ...where], (chunk) => hash.update(chunk));
    return hexOf(hash.digest());
  }

  /** What the node knows of a register, or null while it does not hold it. */
  async register(registerId: string): Promise<RegisterView | null> {
    const answer = await this.#fetch(`/api/registers/${registerId}`);
    return answer.status === 404 ? null : ((await this.#good(answer).json()) as RegisterView);
  }

  async hasHeardOf(registerId: string): Promise<boolean> {
    const answer = await this.#fetch("/api/registers/available");
    const available = (await this.#good(answer).json()) as { registerId: string }[];
    return available.some((register) => register.registerId === registerId);
  }

  async subscribe(registerId: string): Promise<void> {
    const body = JSON.stringify({ mode: "full-replica" });
    const type = "application/json";
    const path = `/api/registers/${registerId}/subscribe`;
    this.#good(await this.#fetch(path, { body, type }));
  }

  /** Hands in one record; resolves to the docket that seals it, once that is stored here. */
  async submit(registerId: string, record: { json: string; number: number }): Promise<number> {
    const path = `/api/registers/${registerId}/records?importId=live&firstLine=${record.number}`;
    const type = "application/x-ndjson";
    const answer = this.#good(await this.#fetch(path, { body: `${record.json}\n`, type }));
    return ((await answer.json()) as { headNumber: number }).headNumber;
  }

  stop(): Promise<number> {
    return this.#child.stop(stopMs);
  }

  #fetch(path: string, post?: { body: string; type: string }): Promise<Response> {
    const authorization = `Bearer ${this.#token}`;
    if (post === undefined) return fetch(this.httpUrl + path, { headers: { authorization } });
    const headers = { authorization, "content-type": post.type };
    return fetch(this.httpUrl + path, { method: "POST", headers, body: post.body });
  }

  #good(answer: Response): Response {
    if (answer.ok) return answer;
    throw failed(`Node ${this.name} answers ${answer.status} to ${answer.url}`);
  }

  async #run(words: readonly string[]): Promise<string> {
    const chunks: Uint8Array[] = [];
    await this.#runInto(words, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString();
  }

  async #runInto(words: readonly string[], take: (chunk: Uint8Array) => void): Promise<void> {
    const child = spawnChild([...this.#command, ...words], { hidden });
    for await (const chunk of child.output) take(chunk);
    const code = await child.exited;
    if (code === 0) return;
    throw failed(
      `${words[0]} at node ${this.name} ended with ${code}: ${child.errorText().trim()}`,
    );
  }
}

export type RegisterView = RegisterJson & { subscription: SubscriptionJson | null };

/** Looks every few ms, which is for showing and measuring; nodes themselves never poll. */
export async function until(
  isSo: () => Promise<boolean>,
  options: { what: string; signal: AbortSignal },
): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + patienceMs;
  while (!(await isSo().catch(() => false))) {
    if (systemClock.monotonicMs() > deadlineMs) {
      throw failed(`Waited ${patienceMs / 1000} s in vain for ${options.what}`);
    }
    await systemClock.sleep(2, options.signal);
  }
}

export function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}

interface RunFacts {
  httpUrl: string;
  grpcAddress: string;
}

/** What a running node says of itself in its data directory; null until it has. */
function readFacts(dataDir: string): RunFacts | null {
  const path = join(dataDir, "run.json");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return text.endsWith("\n") ? (JSON.parse(text) as RunFacts) : null;
}

function failed(message: string): PeerError {
  return new PeerError("internal", "demo-failed", { message });
}
