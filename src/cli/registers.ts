import { type Command, Option } from "commander";
import type { SubscriptionJson } from "../rest/schemas.ts";
import { confirm } from "./confirm.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { type PageOptions, pageAsked, printAs, wholeNumber, withPaging } from "./paging.ts";
import { type Columns, printList, printOne, writeNote } from "./print.ts";
import { waitForSubscription } from "./wait.ts";
import { addWatch } from "./watch.ts";

type Mode = "full-replica" | "forward-only";

interface SubscribeOptions extends ConnectOptions {
  mode: Mode;
  genesisHash?: string;
  keepDockets?: number;
  keepDays?: number;
  wait?: boolean;
}

interface ListOptions extends PageOptions {
  search?: string;
}

export function addRegisters(program: Command): void {
  const group = program.command("registers").description("Registers held, known of and followed");
  withPaging(withConnection(group.command("list").description("Registers that this node holds")))
    .option("--name <name>", "only those with this name")
    .option("--search <text>", "only those with this in their id or name")
    .option("--sort <by>", "registerId, name, height, bytes or headTime; -name turns it round")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers list --sort -height --limit 20")
    .action(listRegisters);
  withConnection(
    group.command("get").description("One register with its policy").argument("<register-id>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer registers get 5f3c…")
    .action(getRegister);
  withPaging(
    withConnection(group.command("available").description("Registers that can be subscribed to")),
  )
    .option("--search <text>", "only those with this in their id or name")
    .option("--sort <by>", "registerId, name, peers or latestVersion; -name turns it round")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers available --search packages")
    .action(listAvailable);
  withPaging(
    withConnection(
      group.command("subscriptions").description("What is being followed, and how far it is"),
    ),
  )
    .option("--status <state>", "only those: Syncing, FullyReplicated, Active, Error, …")
    .option("--mode <mode>", "only those: full-replica, forward-only")
    .option("--sort <by>", "registerId, progress, lastSync or failures; -name turns it round")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers subscriptions --status Error")
    .action(listSubscriptions);
  addSubscribing(group);
  addWatch(group);
  withConnection(
    group
      .command("advertise")
      .description("Tell peers of a register held here, or stop telling")
      .argument("<register-id>"),
  )
    .option("--stop", "peers hear of it no longer")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers advertise 5f3c… --stop")
    .action(advertise);
}

function addSubscribing(group: Command): void {
  withConnection(
    group
      .command("subscribe")
      .description("Bring a register here and keep following it")
      .argument("<register-id>"),
  )
    .addOption(
      new Option("--mode <mode>", "everything from genesis on, or only what comes from now on")
        .choices(["full-replica", "forward-only"])
        .makeOptionMandatory(),
    )
    .option("--genesis-hash <hash>", "the genesis docket's hash, if you know whom to trust")
    .option("--keep-dockets <count>", "forward-only: let go of all but the newest", wholeNumber)
    .option("--keep-days <days>", "forward-only: let go of what is older", wholeNumber)
    .option("--wait", "until everything is here and verified")
    .addHelpText(
      "after",
      "\nExamples:\n  sorcha-peer registers subscribe 5f3c… --mode full-replica --wait" +
        "\n  sorcha-peer registers subscribe 5f3c… --mode forward-only --keep-dockets 10000",
    )
    .action(subscribe);
  withConnection(
    group.command("unsubscribe").description("Stop following").argument("<register-id>"),
  )
    .option("--purge", "remove what is stored here as well")
    .option("--yes", "purge without asking")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers unsubscribe 5f3c…")
    .action(unsubscribe);
  addTurns(group);
  withConnection(
    group
      .command("purge")
      .description("Remove what is stored here, and stop following")
      .argument("<register-id>"),
  )
    .option("--begin-anew", "go on following: it comes again from the start")
    .option("--yes", "without asking")
    .addHelpText("after", "\nExample:\n  sorcha-peer registers purge 5f3c… --yes")
    .action(purge);
}

function addTurns(group: Command): void {
  const turns = {
    pause: ["pauseRegister", "Neither fetch nor serve a followed register until it is resumed"],
    resume: ["resumeRegister", "Go on with a paused register where it stopped"],
  } as const;
  for (const [turn, [name, description]] of Object.entries(turns)) {
    withConnection(group.command(turn).description(description).argument("<register-id>"))
      .addHelpText("after", `\nExample:\n  sorcha-peer registers ${turn} 5f3c…`)
      .action(async (registerId: string, options: ConnectOptions) => {
        const client = await connect(options);
        printOne(await client.call(name, { params: { registerId } }), options);
      });
  }
}

async function listRegisters(options: ListOptions & { name?: string }): Promise<void> {
  const client = await connect(options);
  const query = { ...pageAsked(options), name: options.name, search: options.search };
  const { rows, total } = await client.list("listRegisters", { query });
  const columns: Columns<(typeof rows)[number]> = {
    "Register ID": (row) => row.registerId,
    Name: (row) => row.name,
    Height: (row) => row.height,
    Transactions: (row) => row.transactionCount,
    Verified: (row) => row.verification,
    Origin: (row) => (row.isOrigin ? "here" : ""),
    Lag: (row) => row.lagDockets,
    Paused: (row) => (row.pausedAt === null ? "" : "yes"),
    Sources: (row) => row.sourceCount,
  };
  printList(rows, { ...printAs(options), columns, total, empty: "No register is held here yet" });
}

async function getRegister(registerId: string, options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  printOne(await client.call("getRegister", { params: { registerId } }), options);
}

async function listAvailable(options: ListOptions): Promise<void> {
  const client = await connect(options);
  const query = { ...pageAsked(options), search: options.search };
  const { rows, total } = await client.list("availableRegisters", { query });
  const columns: Columns<(typeof rows)[number]> = {
    "Register ID": (row) => row.registerId,
    Name: (row) => row.name ?? "",
    Docket: (row) => row.latestDocketVersion,
    Version: (row) => row.latestVersion,
    Peers: (row) => row.peerCount,
    Replicas: (row) => row.fullReplicaPeerCount,
    Access: (row) => (row.isPublic ? "public" : "private"),
  };
  const empty = "No peer tells of a register yet";
  printList(rows, { ...printAs(options), columns, total, empty });
}

async function listSubscriptions(
  options: ListOptions & { status?: string; mode?: string },
): Promise<void> {
  const client = await connect(options);
  const query = { ...pageAsked(options), status: options.status, mode: options.mode };
  const { rows, total } = await client.list("listSubscriptions", { query });
  const columns: Columns<SubscriptionJson> = {
    "Register ID": (row) => row.registerId,
    Mode: (row) => row.mode,
    State: (row) => (row.pausedAt === null ? row.syncState : "Paused"),
    Progress: (row) => `${row.syncProgressPercent}%`,
    Docket: (row) => row.lastSyncedDocketVersion ?? "–",
    "Limited by": (row) => row.limitingStage ?? "",
    "Last sync": (row) => row.lastSyncAt ?? "never",
    Source: (row) => row.sourcePeerId ?? "",
    Trouble: (row) => row.errorMessage ?? "",
  };
  printList(rows, { ...printAs(options), columns, total, empty: "Nothing is followed yet" });
}

async function subscribe(registerId: string, options: SubscribeOptions): Promise<void> {
  const client = await connect(options);
  const known = options.wait ? await client.call("listSubscriptions") : [];
  const before = known.find((one) => one.registerId === registerId);
  const wanted = options.mode === "full-replica" ? "FullReplica" : "ForwardOnly";
  let status: SubscriptionJson;
  if (before?.mode === wanted) {
    if (!options.quiet) writeNote("Already subscribed: waiting for it");
    status = before;
  } else {
    const { mode, genesisHash, keepDockets, keepDays } = options;
    const isBound = keepDockets !== undefined || keepDays !== undefined;
    const retention = isBound ? { keepDockets, keepDays } : undefined;
    const body = { mode, genesisHash, retention };
    status = await client.call("subscribe", { params: { registerId }, body });
  }
  if (options.wait) {
    status = await waitForSubscription(client, { status, isQuiet: options.quiet ?? false });
  }
  printOne(status, options);
}

async function unsubscribe(
  registerId: string,
  options: ConnectOptions & { purge?: boolean; yes?: boolean },
): Promise<void> {
  if (options.purge) {
    await confirm(`All that is stored here of register ${registerId} goes.`, options);
  }
  const client = await connect(options);
  const query = { purge: options.purge ?? false };
  printOne(await client.call("unsubscribe", { params: { registerId }, query }), options);
}

async function purge(
  registerId: string,
  options: ConnectOptions & { beginAnew?: boolean; yes?: boolean },
): Promise<void> {
  await confirm(`All that is stored here of register ${registerId} goes.`, options);
  const client = await connect(options);
  const isFollowed = async () =>
    (await client.call("listSubscriptions")).some((one) => one.registerId === registerId);
  if (!options.beginAnew && (await isFollowed())) {
    const asked = { params: { registerId }, query: { purge: true } };
    return printOne(await client.call("unsubscribe", asked), options);
  }
  printOne(await client.call("purgeCache", { params: { registerId } }), options);
}

async function advertise(
  registerId: string,
  options: ConnectOptions & { stop?: boolean },
): Promise<void> {
  const client = await connect(options);
  const body = { isPublic: !options.stop };
  printOne(await client.call("advertise", { params: { registerId }, body }), options);
}
