import { expect, test } from "bun:test";
import { withSettingsTable } from "../../scripts/settings-table.ts";
import { configSchema, environmentName } from "../../src/runtime/config.ts";

test("the README's table of settings is the schema's; bun run settings writes it", async () => {
  const readme = await Bun.file(new URL("../../README.md", import.meta.url)).text();
  expect(readme).toBe(withSettingsTable(readme));
});

test("no two settings share a variable", () => {
  const variables = Object.keys(configSchema.shape).map(environmentName);
  expect(variables.filter((one, index) => variables.indexOf(one) !== index)).toEqual([]);
});
