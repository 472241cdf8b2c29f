/**
 * What an operator has set, in the one schema of `settings.ts`. A value comes from a flag, else
 * from the environment (`PEER_…`), else from the config file, else from the default, and the
 * program can say which. Owns the effective configuration once opened; nothing else reads the
 * environment.
 */
import type { z } from "zod";
import { PeerError } from "../base/error.ts";
import { allowedIn } from "./setting-kinds.ts";
import { configSchema } from "./settings.ts";

export { configSchema, type PeerAuth, peerAuthModes } from "./settings.ts";

export type Config = Readonly<z.infer<typeof configSchema>>;
export type ConfigKey = keyof Config;
export type ConfigSource = "flag" | "environment" | "file" | "default";
export interface Effective {
  config: Config;
  sources: Record<ConfigKey, ConfigSource>;
}

/** Shown as `***` wherever the configuration is printed. */
const secretKeys: readonly ConfigKey[] = [
  "jwtSigningKey",
  "jwtVerificationKeys",
  "dbConnection",
  "otlpHeaders",
];

/** Several values in one variable, with commas or spaces between. */
const lists: readonly ConfigKey[] = [
  "seeds",
  "stunServers",
  "jwtVerificationKeys",
  "trustedProxies",
  "corsOrigins",
  "sealFor",
  "relayVia",
  "otlpHeaders",
];
/** Names besides `PEER_…` that carry a setting: the reference service's and OpenTelemetry's. */
const environmentAliases: Partial<Record<ConfigKey, readonly string[]>> = {
  jwtSigningKey: ["JwtSettings__SigningKey", "JWTSETTINGS__SIGNINGKEY"],
  jwtIssuer: ["JwtSettings__Issuer"],
  jwtAudience: ["JwtSettings__Audience"],
  otlpEndpoint: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
  otlpHeaders: ["OTEL_EXPORTER_OTLP_HEADERS"],
  otlpMetricsMs: ["OTEL_METRIC_EXPORT_INTERVAL"],
  traceSampling: ["OTEL_TRACES_SAMPLER_ARG"],
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
  const origins = {} as Record<ConfigKey, string>;
  for (const key of Object.keys(configSchema.shape) as ConfigKey[]) {
    const found = pickValue(key, layers);
    sources[key] = found.source;
    origins[key] = found.origin;
    if (found.value !== undefined) raw[key] = found.value;
  }
  refuseUnknownKeys(layers.file ?? {});
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return { config: Object.freeze(settled(parsed.data, sources)), sources };
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  throw unusable(issue, { raw, origins, sources });
}

function unusable(
  issue: z.core.$ZodIssue,
  given: {
    raw: Record<string, unknown>;
    origins: Record<ConfigKey, string>;
    sources: Record<ConfigKey, ConfigSource>;
  },
): PeerError {
  const key = String(issue.path[0]) as ConfigKey;
  const value = secretKeys.includes(key) ? "***" : JSON.stringify(given.raw[key]);
  return new PeerError("configuration", "bad-setting", {
    message: `Setting ${key} = ${value} (from ${given.origins[key]}) is not usable: ${demand(key, issue)}`,
    facts: { key, source: given.sources[key] },
  });
}

/** What the value would have to be. */
function demand(key: ConfigKey, issue: z.core.$ZodIssue): string {
  const allowed = allowedIn(configSchema.shape[key]);
  if (issue.code === "custom") return `it ${issue.message}`;
  if (issue.code === "invalid_type" && issue.path.length > 1) return "it must be a list of texts";
  if (allowed.kind === "choice") return `it must be ${allowed.values.join(" or ")}`;
  if (allowed.kind === "number") {
    const sort = allowed.isWhole ? "a whole number" : "a number";
    return `it must be ${sort} from ${allowed.min} to ${allowed.max}`;
  }
  if (issue.code === "invalid_type") return `it must be a ${allowed.kind}`;
  return `it ${issue.message}`;
}

/** In production nobody is let in unproven unless an operator wrote so by hand. */
function settled(
  config: z.infer<typeof configSchema>,
  sources: Record<ConfigKey, ConfigSource>,
): z.infer<typeof configSchema> {
  if (!config.production || sources.peerAuth !== "default") return config;
  return { ...config, peerAuth: "mtls" };
}

/** A setting as it may be shown to anybody who may ask. */
export interface SettingView {
  key: ConfigKey;
  /** Null: not set, and there is no default. */
  value: string | number | boolean | string[] | null;
  source: ConfigSource;
  variable: string;
  description: string;
}

/** Every setting, in the order of the schema, secrets masked. */
export function viewSettings({ config, sources }: Effective): SettingView[] {
  return (Object.keys(configSchema.shape) as ConfigKey[]).map((key) => {
    const value = config[key];
    const isSecret = secretKeys.includes(key) && value !== undefined;
    return {
      key,
      value: isSecret ? "***" : (value ?? null),
      source: sources[key],
      variable: environmentName(key),
      description: configSchema.shape[key].description ?? "",
    };
  });
}

function pickValue(
  key: ConfigKey,
  layers: Parameters<typeof loadConfig>[0],
): { value: unknown; source: ConfigSource; origin: string } {
  const flag = layers.flags?.[key];
  if (flag !== undefined) return { value: flag, source: "flag", origin: "the command line" };
  const environment = layers.environment ?? {};
  if (key === "production" && environment.NODE_ENV === "production") {
    return { value: true, source: "environment", origin: "NODE_ENV" };
  }
  for (const name of [environmentName(key), ...(environmentAliases[key] ?? [])]) {
    const text = environment[name];
    if (text !== undefined && text !== "") {
      const value = lists.includes(key) ? splitList(text) : text;
      return { value, source: "environment", origin: name };
    }
  }
  const filed = layers.file?.[key];
  if (filed !== undefined) return { value: filed, source: "file", origin: "the config file" };
  return { value: undefined, source: "default", origin: "the default" };
}

/** Variables that look like settings and are none: a typing error, most of the time. */
export function unknownVariables(environment: Record<string, string | undefined>): string[] {
  const settings = Object.keys(configSchema.shape).map(environmentName);
  const known = new Set([...settings, ...commandVariables]);
  return Object.keys(environment).filter((name) => name.startsWith("PEER_") && !known.has(name));
}

/** What commands read that speak to a node. */
const commandVariables = ["PEER_URL", "PEER_TOKEN", "PEER_PROFILE", "PEER_PROFILES"];

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
