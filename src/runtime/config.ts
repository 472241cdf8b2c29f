/**
 * What an operator has set, in the one schema of `settings.ts`. A value comes from a flag, else
 * from the environment (`PEER_…`), else from the config file, else from the default, and the
 * program can say which. Owns the effective configuration once opened; nothing else reads the
 * environment.
 */
import type { z } from "zod";
import { PeerError } from "../base/error.ts";
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
  const origin = `from ${sources[key]}, ${environmentName(key)}`;
  throw new PeerError("configuration", "bad-setting", {
    message: `Setting ${key} = ${value} (${origin}) is not usable: ${issue?.message}`,
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
): { value: unknown; source: ConfigSource } {
  const flag = layers.flags?.[key];
  if (flag !== undefined) return { value: flag, source: "flag" };
  const environment = layers.environment ?? {};
  if (key === "production" && environment.NODE_ENV === "production") {
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
