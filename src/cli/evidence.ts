import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { utf8 } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { verifyEvidence } from "../dockets/evidence.ts";
import { systemClock } from "../runtime/clock.ts";
import { writeOutput } from "../runtime/terminal.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type Columns, printList, printOne } from "./print.ts";

/** What is known against validators, and why a register stands as it does. */
export function addEvidence(program: Command): void {
  const group = program
    .command("evidence")
    .description("Proof that a register's validators sealed two dockets with one number");
  withConnection(
    group.command("list").description("What this node holds").argument("<register-id>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer evidence list 5f3c…")
    .action(listEvidence);
  withConnection(
    group
      .command("show")
      .description("The portable proof, to be given to others")
      .argument("<register-id>")
      .argument("<docket-number>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer evidence show 5f3c… 812 > proof.json")
    .action(showEvidence);
  group
    .command("verify")
    .description("Check a proof without any node")
    .argument("<file>")
    .option("--genesis-hash <hash>", "of the register that it must be about")
    .option("--output <format>", "table, json or ndjson", "table")
    .addHelpText("after", "\nExample:\n  sorcha-peer evidence verify proof.json")
    .action(verifyFile);
}

export function addRegisterWhy(program: Command): void {
  const group = program.commands.find((one) => one.name() === "registers");
  if (group === undefined) return;
  withConnection(
    group
      .command("why")
      .description("What happened to a register, the newest first")
      .argument("<register-id>")
      .option("--limit <count>", "how many", "50"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer registers why 5f3c… --limit 10")
    .action(why);
}

async function why(registerId: string, options: ConnectOptions & { limit: string }): Promise<void> {
  const client = await connect(options);
  const answer = await client.call("whyRegister", {
    params: { registerId },
    query: { limit: options.limit },
  });
  if (options.output === "json") return printOne(answer, options);
  const columns: Columns<(typeof answer.events)[number]> = {
    When: (event) => event.at,
    Code: (event) => event.code ?? "",
    What: (event) => event.message,
    Until: (event) => event.expiresAt ?? "",
    Peer: (event) => event.peerId ?? "",
  };
  printList(answer.events, { output: options.output, columns, empty: "Nothing happened yet" });
}

async function listEvidence(registerId: string, options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  const found = await client.call("listEvidence", { params: { registerId } });
  const rows = found.map(({ proof: _, ...row }) => row);
  const columns: Columns<(typeof rows)[number]> = {
    Docket: (row) => row.docketNumber,
    Hashes: (row) => row.docketHashes.join(" "),
    From: (row) => row.sourcePeerId ?? "",
    Found: (row) => row.foundAt,
  };
  printList(rows, { output: options.output, columns, empty: "Nothing is known against it" });
}

async function showEvidence(
  registerId: string,
  docketNumber: string,
  options: ConnectOptions,
): Promise<void> {
  const client = await connect(options);
  const found = await client.call("listEvidence", { params: { registerId } });
  const one = found.find((row) => String(row.docketNumber) === docketNumber);
  if (one === undefined) {
    throw new PeerError("not-found", "no-evidence", {
      message: `There is no evidence about docket ${docketNumber} of register ${registerId}`,
    });
  }
  await writeOutput(utf8(`${one.proof}\n`));
}

async function verifyFile(
  path: string,
  options: { genesisHash?: string; output: "table" | "json" | "ndjson" },
): Promise<void> {
  const bytes = await readFile(path);
  const { genesisHash } = options;
  const verified = verifyEvidence(new Uint8Array(bytes.subarray(0, trimmed(bytes))), {
    nowMs: systemClock.nowMs(),
    ...(genesisHash === undefined ? {} : { genesisHash }),
  });
  if (!verified.ok) {
    throw new PeerError("unprocessable", verified.refusal.code, {
      message: `The evidence is not true: ${verified.refusal.message}`,
    });
  }
  const { registerId, docketNumber, hashes } = verified.value;
  const facts = { isTrue: true, registerId, genesisHash: verified.value.genesisHash };
  printOne({ ...facts, docketNumber, docketHashes: hashes }, options);
}

/** Length without the line break at the end. */
function trimmed(bytes: Uint8Array): number {
  return bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
}
