import { describe, expect, test } from "bun:test";
import type { Command } from "commander";
import { buildProgram } from "../../src/cli/program.ts";

const nowhere = new URL("file:///nowhere");
const program = buildProgram({ workerUrls: { verify: nowhere, embedded: nowhere } }, () => {});
const commands = leaves(program, "");

describe("every command", () => {
  test("says what it does and shows an example that begins with its own words", () => {
    const wanting: string[] = [];
    for (const [path, command] of commands) {
      const help = helpOf(command);
      const words = path.replace(/^tx get$/, "tx").replace(/^completion$/, "completion bash");
      if (command.description() === "") wanting.push(`${path}: no description`);
      if (!help.includes(`  sorcha-peer ${words}`)) wanting.push(`${path}: no example`);
    }
    expect(wanting).toEqual([]);
  });

  test("that gives a result gives it in all formats", () => {
    const isElse = /^(serve|demo|completion|export)$|^evidence (show|verify)$/;
    const without = commands
      .filter(
        ([path, command]) => !isElse.test(path) && command.getOptionValue("output") !== "table",
      )
      .map(([path]) => path);
    expect(without).toEqual([]);
  });

  test("is one that the operators were promised", () => {
    const promised = [
      "serve demo migrate health",
      ...group("config", "show"),
      ...group("peers", "list get stats health quality connected add remove connect ban unban"),
      ...group("peers", "reset why"),
      "topology",
      ...group("registers", "list get available subscribe unsubscribe purge subscriptions watch"),
      ...group("registers", "why advertise"),
      "dockets",
      ...group("tx", "get submit"),
      ...group("register", "create"),
      "import",
      "export",
      "verify",
      ...group("evidence", "list show verify"),
      ...group("keys", "init show"),
      ...group("certs", "ca issue show"),
      "token",
      "completion",
    ].flatMap((one) => (one.startsWith("serve") ? one.split(" ") : [one]));
    const missing = promised.filter((path) => !commands.some(([known]) => known === path));
    expect(missing).toEqual([]);
  });
});

function group(name: string, words: string): string[] {
  return words.split(" ").map((word) => `${name} ${word}`);
}

function leaves(command: Command, path: string): [string, Command][] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`.trim()));
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}
