import type { Command } from "commander";
import { confirm } from "./confirm.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type Columns, printList, printOne } from "./print.ts";

/** What an operator does about peers. */
export function addPeerOrders(group: Command): void {
  withConnection(
    group
      .command("add")
      .description("Reach an address and keep the peer that answers there")
      .argument("<host:port>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer peers add 10.0.0.5:5001")
    .action(async (address: string, options: ConnectOptions) => {
      const client = await connect(options);
      printOne(await client.call("addPeer", { body: { address } }), options);
    });
  withPeer(group, "remove", "Forget a peer with everything known of it")
    .option("--yes", "without asking")
    .addHelpText("after", "\nExample:\n  sorcha-peer peers remove node-7 --yes")
    .action(async (peerId: string, options: ConnectOptions & { yes?: boolean }) => {
      await confirm(`All that is known of peer ${peerId} goes.`, options);
      await order("removePeer", peerId, options);
    });
  withPeer(group, "connect", "Dial a peer now")
    .addHelpText("after", "\nExample:\n  sorcha-peer peers connect node-7")
    .action((peerId: string, options: ConnectOptions) => order("connectPeer", peerId, options));
  withPeer(group, "ban", "Have nothing to do with a peer until it is unbanned")
    .option("--reason <text>", "kept with the ban")
    .addHelpText("after", '\nExample:\n  sorcha-peer peers ban node-7 --reason "serves junk"')
    .action(async (peerId: string, options: ConnectOptions & { reason?: string }) => {
      const client = await connect(options);
      const body = options.reason === undefined ? {} : { reason: options.reason };
      printOne(await client.call("banPeer", { params: { peerId }, body }), options);
    });
  withPeer(group, "unban", "Lift a ban")
    .addHelpText("after", "\nExample:\n  sorcha-peer peers unban node-7")
    .action((peerId: string, options: ConnectOptions) => order("unbanPeer", peerId, options));
  withPeer(group, "reset", "Forget a peer's failures and its quarantine")
    .addHelpText("after", "\nExample:\n  sorcha-peer peers reset node-7")
    .action((peerId: string, options: ConnectOptions) => order("resetPeer", peerId, options));
  withPeer(group, "why", "What happened to a peer, the newest first")
    .option("--limit <count>", "how many", "50")
    .addHelpText("after", "\nExample:\n  sorcha-peer peers why node-7 --limit 10")
    .action(why);
}

function withPeer(group: Command, name: string, description: string): Command {
  return withConnection(group.command(name).description(description).argument("<peer-id>"));
}

async function order(
  name: "removePeer" | "connectPeer" | "unbanPeer" | "resetPeer",
  peerId: string,
  options: ConnectOptions,
): Promise<void> {
  const client = await connect(options);
  printOne(await client.call(name, { params: { peerId } }), options);
}

async function why(peerId: string, options: ConnectOptions & { limit: string }): Promise<void> {
  const client = await connect(options);
  const answer = await client.call("whyPeer", {
    params: { peerId },
    query: { limit: options.limit },
  });
  if (options.output === "json") return printOne(answer, options);
  const columns: Columns<(typeof answer.events)[number]> = {
    When: (event) => event.lastAt,
    Code: (event) => event.code ?? "",
    What: (event) => event.message,
    Times: (event) => event.count,
    Score: (event) => scoreText(event.scoreBefore, event.scoreAfter),
    Until: (event) => event.expiresAt ?? "",
  };
  printList(answer.events, { output: options.output, columns, empty: "Nothing happened yet" });
}

function scoreText(before: number | null, after: number | null): string {
  if (before === null || after === null || before === after) return String(after ?? "");
  return `${before} → ${after}`;
}
