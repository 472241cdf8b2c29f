import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { z } from "zod";
import { PeerError } from "../base/error.ts";
import { systemClock } from "../runtime/clock.ts";
import { type Config, loadConfig } from "../runtime/config.ts";
import { environment } from "../runtime/terminal.ts";
import { findSigningKey } from "../trust/signing-key.ts";
import { TokenGate } from "../trust/tokens.ts";
import { Client } from "./client.ts";
import { type OutputFormat, outputFormats } from "./print.ts";
import { readProfile } from "./profiles.ts";

/** Options of every command that speaks to a node. */
export interface ConnectOptions {
  url?: string;
  token?: string;
  dataDir?: string;
  profile?: string;
  output: OutputFormat;
  quiet?: boolean;
}

/** How long a token lives that a command mints for itself: a long import must fit in. */
const ownTokenMs = 8 * 60 * 60_000;

export function withConnection(command: Command): Command {
  return command
    .option("--url <url>", "the node's REST address (or PEER_URL)")
    .option("--token <token>", "bearer token (or PEER_TOKEN)")
    .option("--profile <name>", "a node by its name in the profiles' file (or PEER_PROFILE)")
    .option("--data-dir <dir>", "a local node's data directory: finds its address, mints a token")
    .addOption(outputOption())
    .option("-q, --quiet", "no progress and no remarks");
}

export function outputOption(): Option {
  const option = new Option("--output <format>", "how results are written");
  return option.choices([...outputFormats]).default("table");
}

/**
 * The node that is meant and a token for it: what is given, else what the environment says, else
 * what is found in the local node's data directory.
 */
export async function connect(asked: ConnectOptions): Promise<Client> {
  const variables = environment();
  const options = await withProfile(asked, asked.profile ?? variables.PEER_PROFILE);
  const named = options.url ?? variables.PEER_URL;
  const url = named === undefined ? await findUrl(options) : checkUrl(named);
  const given = options.token ?? variables.PEER_TOKEN;
  if (given !== undefined && given !== "") return new Client(url, given);
  // A directory that nobody named says nothing about a node that somebody did name.
  const isLocal = options.dataDir !== undefined || named === undefined;
  return new Client(url, isLocal ? await ownToken(options) : null);
}

/** What the profile says, where the command line says nothing. */
async function withProfile(
  asked: ConnectOptions,
  name: string | undefined,
): Promise<ConnectOptions> {
  if (name === undefined || name === "") return asked;
  const profile = await readProfile(name);
  const told = Object.entries({ ...profile, ...asked }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told) as unknown as ConnectOptions;
}

/** The settings as a node beside this command would have them. */
export function settings(options: { dataDir?: string | undefined }): Config {
  const flags = options.dataDir === undefined ? {} : { dataDir: options.dataDir };
  return loadConfig({ flags, environment: environment() }).config;
}

export function gateOf(config: Config, key: string): TokenGate {
  return new TokenGate({
    key,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    clockSkewMs: config.jwtClockSkewMs,
    nowMs: systemClock.nowMs,
  });
}

/** No token where nobody named a directory and the default one holds no key: reads need none. */
async function ownToken(options: ConnectOptions): Promise<string | null> {
  const config = settings(options);
  const key = await findSigningKey(config);
  if (key !== null) {
    const gate = gateOf(config, key);
    return gate.mint({ subject: "sorcha-peer-cli", isService: true, lifetimeMs: ownTokenMs });
  }
  if (options.dataDir === undefined) return null;
  throw noNodeIn(config.dataDir);
}

/** Neither a key in the directory nor one in the environment. */
export function noNodeIn(dataDir: string): PeerError {
  return new PeerError("configuration", "no-signing-key", {
    message: `No node has been started with the data directory ${dataDir}: it holds no token key`,
  });
}

async function findUrl(options: ConnectOptions): Promise<string> {
  const config = settings(options);
  const text = await readFile(join(config.dataDir, "run.json"), "utf8").catch(() => null);
  if (text !== null) return runSchema.parse(JSON.parse(text)).httpUrl;
  if (options.dataDir === undefined) return `http://127.0.0.1:${config.httpPort}`;
  throw new PeerError("network", "node-not-running", {
    message: `No node runs with the data directory ${config.dataDir}: start it, or give --url`,
  });
}

const runSchema = z.object({ httpUrl: z.string() });

function checkUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) {
    return text.replace(/\/+$/, "");
  }
  throw new PeerError("invalid", "bad-url", {
    message: `The address ${JSON.stringify(text)} is not of the form http://HOST:PORT`,
  });
}
