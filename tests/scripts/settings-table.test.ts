import { expect, test } from "bun:test";
import { withSettingsTable } from "../../scripts/settings-table.ts";

test("the README's table of settings is the schema's; bun run settings writes it", async () => {
  const readme = await Bun.file(new URL("../../README.md", import.meta.url)).text();
  expect(readme).toBe(withSettingsTable(readme));
});
