import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { base64urlOf, bytesOfBase64url } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { publicKeyOfSeed } from "../dockets/keys.ts";
import { openDataDir, readSecret } from "../runtime/data-dir.ts";
import { outputOption, settings } from "./connect.ts";
import { effectiveSettings, withSettings } from "./node-settings.ts";
import { type OutputFormat, printOne } from "./print.ts";

/** Commands on a node's own files and database, for when it does not run or need not. */
export function addUpkeep(program: Command, options: { embeddedThread: URL }): void {
  withSettings(program.command("migrate"))
    .description("Bring the database to this program's version; serve does so by itself")
    .addOption(outputOption())
    .action((given: { output: OutputFormat }) => migrateDatabase(given, options));
  const keys = program.command("keys").description("This node's key");
  keys
    .command("show")
    .description("The node's name and public key")
    .option("--data-dir <dir>", "the node's data directory")
    .addOption(outputOption())
    .action(showKeys);
}

async function migrateDatabase(
  given: { output: OutputFormat },
  options: { embeddedThread: URL },
): Promise<void> {
  const { config } = await effectiveSettings({ ...given });
  const store = await import("../store/sql.ts");
  const { migrate } = await import("../store/migrate.ts");
  const dataDir = await openDataDir(config.dataDir);
  try {
    await store.open({
      connection: config.dbConnection,
      schema: config.dbSchema,
      poolSize: config.dbPoolSize,
      dataDir: dataDir.path,
      embeddedThreadUrl: options.embeddedThread,
    });
    try {
      printOne(await migrate(), given);
    } finally {
      await store.close();
    }
  } finally {
    dataDir.release();
  }
}

const keySchema = z.object({ nodeId: z.string(), algorithm: z.string(), seed: z.string() });

async function showKeys(given: { dataDir?: string; output: OutputFormat }): Promise<void> {
  const { dataDir } = settings(given);
  const text = await readSecret(join(dataDir, "node.key"));
  if (text === null) {
    throw new PeerError("configuration", "no-node-key", {
      message: `No node has been started with the data directory ${dataDir}: it holds no key`,
    });
  }
  const { nodeId, algorithm, seed } = keySchema.parse(JSON.parse(text));
  const publicKey = base64urlOf(publicKeyOfSeed(bytesOfBase64url(seed) ?? new Uint8Array(32)));
  printOne({ nodeId, algorithm, publicKey }, given);
}
