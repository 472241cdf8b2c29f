/**
 * Writes the table of settings into the README, from the schema that the program itself reads:
 * between the two marks, which stay. A test finds a table that is not of today.
 */
import { z } from "zod";
import { type ConfigKey, configSchema, environmentName } from "../src/runtime/config.ts";
import { type Allowed, allowedIn } from "../src/runtime/setting-kinds.ts";

const begin = "<!-- settings -->";
const end = "<!-- /settings -->";

/** The README with a table of today. Throws when it lacks the marks. */
export function withSettingsTable(readme: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The README lacks ${begin} or ${end}`);
  return `${readme.slice(0, from + begin.length)}\n${settingsTable()}\n${readme.slice(to)}`;
}

/** One row a setting: name, variable, default, what is allowed, what it means. */
export function settingsTable(): string {
  const rows = (Object.keys(configSchema.shape) as ConfigKey[]).map((key) => {
    const schema = z.toJSONSchema(configSchema.shape[key], {
      io: "output",
      unrepresentable: "any",
    });
    const fallback = schema.default === undefined ? "" : code(schema.default);
    const cells = [
      code(key),
      code(environmentName(key)),
      fallback,
      rangeOf(allowedIn(configSchema.shape[key])),
    ];
    return `| ${cells.join(" | ")} | ${cell(schema.description ?? "")} |`;
  });
  const head =
    "| setting | variable | default | allowed | meaning |\n| --- | --- | --- | --- | --- |";
  return `${head}\n${rows.join("\n")}`;
}

function rangeOf(allowed: Allowed): string {
  if (allowed.kind === "choice") return allowed.values.map(code).join(", ");
  if (allowed.kind === "number") return `${allowed.min} to ${allowed.max}`;
  return allowed.kind === "list" ? "a list; with commas in the variable" : "text";
}

function code(value: unknown): string {
  const text = Array.isArray(value) && value.length === 0 ? "none" : String(value);
  return text === "none" ? text : `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  const readme = Bun.file(new URL("../README.md", import.meta.url));
  const text = withSettingsTable(await readme.text());
  await Bun.write(readme, text);
}
