import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { messageOf, PeerError } from "../base/error.ts";
import {
  type ConfigKey,
  configSchema,
  type Effective,
  loadConfig,
  type SettingView,
  viewSettings,
} from "../runtime/config.ts";
import { environment } from "../runtime/terminal.ts";
import { outputOption } from "./connect.ts";
import { type Columns, type OutputFormat, printList } from "./print.ts";

/** Flags of the commands that are a node or stand in for one; each overrides one setting. */
export function withSettings(command: Command): Command {
  return command
    .option("--config <file>", "settings as one JSON object")
    .option("--data-dir <dir>", describe("dataDir"))
    .option("--node-id <id>", describe("nodeId"))
    .option("--host <address>", describe("host"))
    .option("--http-port <port>", describe("httpPort"))
    .option("--grpc-port <port>", describe("grpcPort"))
    .option("--advertise <address>", describe("advertise"))
    .option("--seed <host:port...>", describe("seeds"))
    .option("--db-connection <url>", describe("dbConnection"))
    .option("--db-schema <name>", describe("dbSchema"))
    .option("--log-level <level>", describe("logLevel"));
}

/** The settings that flags, environment and file make together. Throws `configuration`. */
export async function effectiveSettings(options: Record<string, unknown>): Promise<Effective> {
  const { config: path, seed, output: _, ...flags } = options;
  return loadConfig({
    flags: { ...flags, seeds: seed },
    environment: environment(),
    ...(typeof path === "string" ? { file: await readConfigFile(path) } : {}),
  });
}

export function addConfig(program: Command): void {
  const group = program.command("config").description("Settings");
  withSettings(group.command("show"))
    .description("Effective settings and where each comes from; secrets are masked")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  sorcha-peer config show --output json")
    .action(async (options: { output: OutputFormat }) => {
      showSettings(await effectiveSettings({ ...options }), options.output);
    });
}

function showSettings(effective: Effective, output: OutputFormat): void {
  const rows = viewSettings(effective);
  const columns: Columns<SettingView> = {
    Setting: (row) => row.key,
    Value: (row) => (row.value === null ? "–" : String(row.value)),
    From: (row) => row.source,
    Variable: (row) => row.variable,
  };
  printList(rows, { output, columns, empty: "" });
}

async function readConfigFile(path: string): Promise<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch (cause) {
    throw badFile(path, messageOf(cause));
  }
  throw badFile(path, "it is not one JSON object");
}

function badFile(path: string, why: string): PeerError {
  return new PeerError("configuration", "bad-config-file", {
    message: `The config file ${path} is not usable: ${why}`,
  });
}

function describe(key: ConfigKey): string {
  return configSchema.shape[key].description ?? "";
}
