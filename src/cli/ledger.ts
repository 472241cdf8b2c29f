import type { Command } from "commander";
import { utf8 } from "../base/bytes.ts";
import { writeOutput } from "../runtime/terminal.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { proveTransaction } from "./inclusion.ts";
import { printAs, wholeNumber } from "./paging.ts";
import { type Columns, printList, printOne } from "./print.ts";
import { addSubmit } from "./submit.ts";

interface DocketsOptions extends ConnectOptions {
  from?: number;
  limit: number;
}

/** What is in a register: its dockets and transactions. */
export function addLedger(program: Command): void {
  withConnection(
    program
      .command("dockets")
      .description("A register's dockets, the newest if nothing else is asked for")
      .argument("<register-id>")
      .argument("[number]", "one docket with its transactions", wholeNumber),
  )
    .option("--from <number>", "the first one to show", wholeNumber)
    .option("--limit <count>", "how many to show, at most 100", wholeNumber, 20)
    .addHelpText("after", "\nExample:\n  sorcha-peer dockets 5f3c… --from 0 --output ndjson")
    .action(showDockets);
  const group = program
    .command("tx")
    .description("Transactions: tx <register-id> <transaction-id> shows one, tx submit makes one");
  withConnection(
    group
      .command("get", { isDefault: true })
      .description(
        "A transaction, and the proof that its docket holds it; before that, how far it is",
      )
      .argument("<register-id>")
      .argument("<transaction-id>"),
  )
    .option("--proof", "a file on stdout that proves by itself that it is sealed: see verify")
    .addHelpText(
      "after",
      "\nExamples:\n  sorcha-peer tx 5f3c… 9b1d… --output json" +
        "\n  sorcha-peer tx get 5f3c… 9b1d… --proof > proof.json; sorcha-peer verify proof.json",
    )
    .action(showTransaction);
  addSubmit(group);
}

async function showDockets(
  registerId: string,
  docketNumber: number | undefined,
  options: DocketsOptions,
): Promise<void> {
  const client = await connect(options);
  if (docketNumber !== undefined) {
    const docket = await client.call("getDocket", { params: { registerId, docketNumber } });
    printOne(docket, options);
    return;
  }
  const query = { from: options.from, limit: options.limit };
  const { rows, total } = await client.list("listDockets", { params: { registerId }, query });
  const columns: Columns<(typeof rows)[number]> = {
    Docket: (row) => row.docketNumber,
    Created: (row) => row.createdAt,
    Transactions: (row) => row.transactionCount,
    "First version": (row) => row.firstVersion,
    Bytes: (row) => row.bytes,
    Proposer: (row) => row.proposerValidatorId,
    Hash: (row) => row.docketHash,
  };
  const empty = "There are no dockets from there on";
  printList(rows, { ...printAs(options), columns, total, empty });
}

async function showTransaction(
  registerId: string,
  transactionId: string,
  options: ConnectOptions & { proof?: boolean },
): Promise<void> {
  const client = await connect(options);
  const params = { registerId, transactionId };
  if (options.proof) return writeOutput(utf8(`${await proveTransaction(client, params)}\n`));
  const status = await client.call("transactionStatus", { params });
  if (status.status !== "sealed") return printOne(status, options);
  printOne(await client.call("getTransaction", { params }), options);
}
