import type { Command } from "commander";
import { isAbort, PeerError } from "../base/error.ts";
import type { ThresholdJson } from "../rest/threshold-endpoints.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop } from "../runtime/process.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { Interrupted } from "./exit.ts";
import { printOne, writeNote } from "./print.ts";

type Work = "init" | "reshare";
type GroupOptions = ConnectOptions & { threshold: string; validator: string[] };

/** Registers that several validators seal with one signature. */
export function addThreshold(program: Command): void {
  const group = program.command("threshold").description("Keys of groups that seal together");
  withConnection(
    group
      .command("status")
      .description("Who seals a register, its group's key, and how the making of one gets on")
      .argument("<register-id>"),
  )
    .addHelpText("after", "\nExample:\n  sorcha-peer threshold status 5f3c…")
    .action(async (registerId: string, options: ConnectOptions) => {
      const client = await connect(options);
      const state = await client.call("thresholdState", { params: { registerId } });
      printOne(options.output === "table" ? shown(state) : state, options);
    });
  addWork(group, "init", "Have validators make a group key for a register, without a dealer");
  addWork(group, "reshare", "Hand a group's key on to other validators, or change the threshold");
}

function addWork(group: Command, work: Work, description: string): void {
  withConnection(
    group
      .command(work)
      .description(description)
      .argument("<register-id>")
      .requiredOption("--threshold <count>", "how many it takes to seal: more than half")
      .requiredOption(
        "--validator <id[=key]>",
        "a validator's node id, with its key where this node doesn't know the peer; repeated",
        (one: string, before: string[] = []) => [...before, one],
      ),
  )
    .addHelpText(
      "after",
      "\nAsk a node that is a validator of the register now; the others follow the register." +
        "\nIf it fails, all is as it was, and it can be begun again." +
        `\n\nExample:\n  sorcha-peer threshold ${work} 5f3c… --threshold 3` +
        " --validator a --validator b --validator c --validator d",
    )
    .action((registerId: string, options: GroupOptions) => begin(work, registerId, options));
}

const lookEveryMs = 200;

async function begin(work: Work, registerId: string, options: GroupOptions): Promise<void> {
  const client = await connect(options);
  const validators = options.validator.map((text) => {
    const [validatorId = "", publicKey] = text.split("=");
    return publicKey === undefined ? { validatorId } : { validatorId, publicKey };
  });
  const body = { threshold: Number(options.threshold), validators };
  const name = work === "init" ? "initThreshold" : "reshareThreshold";
  await client.call(name, { params: { registerId }, body });
  const ended = await waitForEnd(client, { registerId, isQuiet: options.quiet ?? false });
  printOne(options.output === "table" ? shown(ended) : ended, options);
  const { session } = ended;
  if (session?.state === "finished") return;
  const message = session?.message ?? "The node started anew meanwhile; begin again";
  const isWhole = session?.state === "waiting";
  throw new PeerError("conflict", session?.code ?? "interrupted", {
    message: isWhole ? `The key is whole, but its policy is not sealed: ${message}` : message,
  });
}

async function waitForEnd(
  client: Client,
  how: { registerId: string; isQuiet: boolean },
): Promise<ThresholdJson> {
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  const params = { registerId: how.registerId };
  let told = "";
  try {
    for (;;) {
      const state = await client.call("thresholdState", { params });
      const { session } = state;
      if (session?.state !== "running" && session?.state !== "sealing") return state;
      const line = progressLine(session);
      if (line !== told && !how.isQuiet) writeNote(line);
      told = line;
      await systemClock.sleep(lookEveryMs, stopping.signal);
    }
  } catch (thrown) {
    if (!isAbort(thrown)) throw thrown;
    throw new Interrupted("Interrupted: the nodes go on; threshold status shows how far they are");
  } finally {
    forget();
  }
}

function progressLine(session: NonNullable<ThresholdJson["session"]>): string {
  const waiting = session.awaited.length === 0 ? "" : `, waiting for ${session.awaited.join(", ")}`;
  return `Epoch ${session.epoch}: ${session.phase}${waiting}`;
}

function shown(state: ThresholdJson) {
  const { validators, session, ...rest } = state;
  const withShare = (one: ThresholdJson["validators"][number]) =>
    one.holdsShare === false ? `${one.validatorId} (no share)` : one.validatorId;
  return {
    ...rest,
    validators: validators.map(withShare).join(", "),
    session: session === null ? null : `epoch ${session.epoch}, ${session.kind}, ${session.state}`,
    phase: session?.phase ?? null,
    waitingFor: session?.awaited.join(", ") || null,
    faulty: session?.faults.map((one) => `${one.validatorId} (${one.code})`).join(", ") || null,
    message: session?.message ?? null,
  };
}
