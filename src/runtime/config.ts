/**
 * What an operator can set. One schema; a value comes from a flag, else from the environment
 * (`PEER_…`), else from the config file, else from the default, and the program can say which.
 * Owns the effective configuration once opened; nothing else reads the environment.
 */
import { z } from "zod";
import { PeerError } from "../base/error.ts";
import { logLevels } from "./log.ts";

const port = (name: string) =>
  z.coerce.number().int().min(0).max(65_535).describe(`${name}; 0 picks a free one`);

/** See docs/security.md. */
export const peerAuthModes = ["mtls", "token", "open"] as const;
export type PeerAuth = (typeof peerAuthModes)[number];

export const configSchema = z.object({
  dataDir: z
    .string()
    .min(1)
    .default("./.data")
    .describe("Directory for keys and the embedded database"),
  nodeId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe("This node's name in the mesh; default: derived from its key"),
  host: z.string().min(1).default("127.0.0.1").describe("Address both listeners bind"),
  httpPort: port("Port of REST and dashboard").default(8080),
  grpcPort: port("Port for peers").default(5001),
  advertise: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+)(:\d{1,5})?$/)
    .optional()
    .describe("host or host:port told to peers; default: the bound address"),
  seeds: z
    .array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/))
    .default([])
    .describe("Peers to ask first, host:port; they only help this node in"),
  peerAuth: z
    .enum(peerAuthModes)
    .default("open")
    .describe(
      "How peers prove who they are: mtls by certificate, token by JWT, open not at all; in production the default is mtls",
    ),
  tlsCertificate: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Certificate file, PEM, this node's first; default: tls/node.crt in the data directory",
    ),
  tlsKey: z
    .string()
    .min(1)
    .optional()
    .describe("The certificate's key file, PEM; default: tls/node.key in the data directory"),
  tlsCa: z
    .string()
    .min(1)
    .optional()
    .describe("File of all trusted authorities, PEM; default: tls/ca.crt in the data directory"),
  peerTokenFile: z
    .string()
    .min(1)
    .optional()
    .describe("File with the token shown to peers; without it the node mints its own"),
  outboundMax: z.coerce
    .number()
    .int()
    .min(4)
    .max(1_000)
    .default(100)
    .describe("Peers that this node keeps connections to by its own choice, besides seeds"),
  allowPrivate: boolean()
    .optional()
    .describe(
      "Dial addresses of private networks that strangers tell; default: when this node has one itself",
    ),
  stunServers: z
    .array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/))
    .default([])
    .describe(
      "STUN servers, host:port, that tell this node its own address; default: none is asked",
    ),
  dbConnection: z
    .string()
    .regex(/^postgres(ql)?:\/\//)
    .optional()
    .describe("PostgreSQL URL; without it the embedded database in the data directory is used"),
  dbSchema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .default("peer")
    .describe(
      "PostgreSQL schema that holds the tables; nodes that share a database take different ones",
    ),
  dbPoolSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(8)
    .describe("Connections to PostgreSQL"),
  workers: z.coerce
    .number()
    .int()
    .min(0)
    .max(64)
    .optional()
    .describe("Verifier threads; default: one a core up to 8; 0 verifies on the main thread"),
  logLevel: z.enum(logLevels).default("info").describe("Least important line that is written"),
  heartbeatMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(120_000)
    .default(30_000)
    .describe("Time between heartbeats, ms; less finds dead peers sooner and costs traffic"),
  heartbeatTimeoutMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(120_000)
    .default(30_000)
    .describe("Wait for a heartbeat's answer, ms"),
  exchangeMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(300_000)
    .describe("Time between exchanges of peer lists, ms"),
  connectTimeoutMs: z.coerce
    .number()
    .int()
    .min(500)
    .max(120_000)
    .default(10_000)
    .describe("Wait for a peer's first answer, ms"),
  pullTimeoutMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(600_000)
    .default(30_000)
    .describe("Longest silence of a source that has dockets to give, ms"),
  pullDocketCount: z.coerce
    .number()
    .int()
    .min(10)
    .max(1_000)
    .default(100)
    .describe("Dockets asked for at once where pages are asked for one by one"),
  sealCount: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe("Transactions that fill a docket"),
  sealMs: z.coerce
    .number()
    .int()
    .min(1)
    .max(60_000)
    .default(500)
    .describe("Longest wait of a transaction for its docket, ms"),
  verifyTransactions: z
    .enum(["all", "none"])
    .default("all")
    .describe("Whether transaction signatures are checked besides the seals"),
  acceptUnsealed: boolean()
    .default(false)
    .describe("Take chains without seals; shown as verification: chain"),
  replicationProtocol: boolean()
    .default(true)
    .describe("Speak sorcha.peer.replication.v1; off: only the Sorcha-compatible RPCs"),
  jwtSigningKey: z
    .string()
    .refine((key) => new TextEncoder().encode(key).length >= 32, "must be at least 32 bytes")
    .optional()
    .describe("HS256 key; default outside production: generated and kept in the data directory"),
  jwtIssuer: z.string().default("https://tenant.sorcha.io").describe("Expected token issuer"),
  jwtAudience: z.string().default("https://api.sorcha.io").describe("Expected token audience"),
  jwtClockSkewMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .default(300_000)
    .describe("Tolerated clock difference when a token's times are checked, ms"),
  managePeersByOrg: boolean()
    .default(false)
    .describe("Any org_id may manage peers, as in the .NET service"),
  production: boolean()
    .default(false)
    .describe("NODE_ENV=production: no generated keys, no details in errors"),
});

export type Config = Readonly<z.infer<typeof configSchema>>;
export type ConfigKey = keyof Config;
export type ConfigSource = "flag" | "environment" | "file" | "default";
export interface Effective {
  config: Config;
  sources: Record<ConfigKey, ConfigSource>;
}

/** Shown as `***` wherever the configuration is printed. */
export const secretKeys: readonly ConfigKey[] = ["jwtSigningKey", "dbConnection"];

/** Several values in one variable, with commas or spaces between. */
const lists: readonly ConfigKey[] = ["seeds", "stunServers"];
/** Names besides `PEER_…` that carry a setting, kept for operators of the reference service. */
const environmentAliases: Partial<Record<ConfigKey, readonly string[]>> = {
  jwtSigningKey: ["JwtSettings__SigningKey", "JWTSETTINGS__SIGNINGKEY"],
  jwtIssuer: ["JwtSettings__Issuer"],
  jwtAudience: ["JwtSettings__Audience"],
};

/** `dataDir` → `PEER_DATA_DIR`, `peerAuth` → `PEER_AUTH`. */
export function environmentName(key: string): string {
  const words = key.replace(/^peer(?=[A-Z])/, "").replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`);
  return `PEER_${words.toUpperCase()}`;
}

/**
 * Merges the layers and checks every value. Throws `configuration` with the key, the value, what is
 * wrong with it and where it came from.
 */
export function loadConfig(layers: {
  flags?: Record<string, unknown>;
  environment?: Record<string, string | undefined>;
  file?: Record<string, unknown>;
}): Effective {
  const raw: Record<string, unknown> = {};
  const sources = {} as Record<ConfigKey, ConfigSource>;
  for (const key of Object.keys(configSchema.shape) as ConfigKey[]) {
    const found = pickValue(key, layers);
    sources[key] = found.source;
    if (found.value !== undefined) raw[key] = found.value;
  }
  refuseUnknownKeys(layers.file ?? {});
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return { config: Object.freeze(settled(parsed.data, sources)), sources };
  const issue = parsed.error.issues[0];
  const key = String(issue?.path[0]) as ConfigKey;
  const value = secretKeys.includes(key) ? "***" : JSON.stringify(raw[key]);
  throw new PeerError("configuration", "bad-setting", {
    message: `Setting ${key} = ${value} (from ${sources[key]}, ${environmentName(key)}) is not usable: ${issue?.message}`,
    facts: { key, source: sources[key] },
  });
}

/** In production nobody is let in unproven unless an operator wrote so by hand. */
function settled(
  config: z.infer<typeof configSchema>,
  sources: Record<ConfigKey, ConfigSource>,
): z.infer<typeof configSchema> {
  if (!config.production || sources.peerAuth !== "default") return config;
  return { ...config, peerAuth: "mtls" };
}

function pickValue(
  key: ConfigKey,
  layers: Parameters<typeof loadConfig>[0],
): { value: unknown; source: ConfigSource } {
  const flag = layers.flags?.[key];
  if (flag !== undefined) return { value: flag, source: "flag" };
  const environment = layers.environment ?? {};
  if (key === "production" && environment["NODE_ENV"] === "production") {
    return { value: true, source: "environment" };
  }
  for (const name of [environmentName(key), ...(environmentAliases[key] ?? [])]) {
    const text = environment[name];
    if (text !== undefined && text !== "") {
      return { value: lists.includes(key) ? splitList(text) : text, source: "environment" };
    }
  }
  const filed = layers.file?.[key];
  if (filed !== undefined) return { value: filed, source: "file" };
  return { value: undefined, source: "default" };
}

function refuseUnknownKeys(file: Record<string, unknown>): void {
  for (const key of Object.keys(file)) {
    if (key in configSchema.shape) continue;
    throw new PeerError("configuration", "unknown-setting", {
      message: `The config file sets ${JSON.stringify(key)}, which is no setting of this program`,
      facts: { key },
    });
  }
}

function splitList(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== "");
}

function boolean() {
  return z.preprocess((value) => {
    if (value === "true" || value === "1" || value === "on") return true;
    if (value === "false" || value === "0" || value === "off") return false;
    return value;
  }, z.boolean());
}
