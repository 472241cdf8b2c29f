import type { Command } from "commander";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type PageOptions, pageAsked, printAs, withPaging } from "./paging.ts";
import { type Columns, printList, printOne } from "./print.ts";

interface ListOptions extends PageOptions {
  dead?: boolean;
  register?: string;
}

/** What was submitted at a node and is in no docket yet. */
export function addQueue(program: Command): void {
  const group = program
    .command("queue")
    .description("Transactions that were submitted at this node and wait for a docket");
  withPaging(
    withConnection(group.command("list").description("What waits, dead letters first"))
      .option("--dead", "only dead letters: given to validators often enough, and not sealed")
      .option("--register <register-id>", "of one register"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer queue list --dead")
    .action(list);
  withConnection(
    group
      .command("retry")
      .description("Try a dead letter again")
      .argument("<register-id>")
      .argument("<transaction-id>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer queue retry 5f3c… 9b1d…")
    .action((registerId: string, transactionId: string, options: ConnectOptions) =>
      order("retryQueued", { registerId, transactionId }, options),
    );
  withConnection(
    group
      .command("drop")
      .description("Drop a dead letter for good")
      .argument("<register-id>")
      .argument("<transaction-id>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer queue drop 5f3c… 9b1d…")
    .action((registerId: string, transactionId: string, options: ConnectOptions) =>
      order("dropQueued", { registerId, transactionId }, options),
    );
}

async function list(options: ListOptions): Promise<void> {
  const client = await connect(options);
  const { limit, offset } = pageAsked(options);
  const { dead, register: registerId } = options;
  const state = dead ? ("dead" as const) : undefined;
  const answer = await client.call("listQueue", { query: { limit, offset, state, registerId } });
  if (options.output === "json") return printOne(answer, options);
  const columns: Columns<(typeof answer.transactions)[number]> = {
    "Register ID": (one) => one.registerId,
    "Transaction ID": (one) => one.transactionId,
    State: (one) => one.state,
    Attempts: (one) => String(one.attempts),
    Queued: (one) => one.queuedAt,
    "Last error": (one) => one.lastError ?? "",
  };
  printList(answer.transactions, { ...printAs(options), columns, empty: "Nothing waits" });
}

async function order(
  name: "retryQueued" | "dropQueued",
  params: { registerId: string; transactionId: string },
  options: ConnectOptions,
): Promise<void> {
  const client = await connect(options);
  printOne(await client.call(name, { params }), options);
}
