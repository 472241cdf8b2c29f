import type { Command } from "commander";
import { openDataDir } from "../runtime/data-dir.ts";
import { outputOption } from "./connect.ts";
import { effectiveSettings, withSettings } from "./node-settings.ts";
import { type OutputFormat, printOne } from "./print.ts";

/** Commands on a node's own database, for when it does not run. */
export function addUpkeep(program: Command, options: { embeddedThread: URL }): void {
  withSettings(program.command("migrate"))
    .description("Bring the database to this program's version; serve does so by itself")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  sorcha-peer migrate --data-dir ./.data")
    .action((given: { output: OutputFormat }) => migrateDatabase(given, options));
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
