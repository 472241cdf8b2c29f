import type { Command } from "commander";
import { isAbort, PeerError } from "../base/error.ts";
import type { UpkeepJson } from "../rest/schemas.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop } from "../runtime/process.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { Interrupted } from "./exit.ts";
import { printOne, writeNote } from "./print.ts";
import { startProgress } from "./progress.ts";

type Work = "audit" | "repair";

/** What a node holds, verified again by itself, and mended from its peers. */
export function addAudit(program: Command): void {
  withConnection(
    program
      .command("audit")
      .description("Have a node verify again all that it stores of a register")
      .argument("<register-id>"),
  )
    .addHelpText(
      "after",
      "\nEnds with 0 if all is whole, and with 1 if something is damaged: it is named then." +
        "\nInterrupted, the node goes on; the command again shows how far it is." +
        "\n\nExample:\n  sorcha-peer audit 5f3c…",
    )
    .action((registerId: string, options: ConnectOptions) => upkeep("audit", registerId, options));
  withConnection(
    program
      .command("repair")
      .description("Audit a register, and bring back what is damaged from other peers")
      .argument("<register-id>"),
  )
    .addHelpText(
      "after",
      "\nWhat comes must have the hash that the dockets around it demand; nothing true is replaced." +
        "\nEnds with 0 if all is whole afterwards.\n\nExample:\n  sorcha-peer repair 5f3c…",
    )
    .action((registerId: string, options: ConnectOptions) => upkeep("repair", registerId, options));
}

const lookEveryMs = 200;

async function upkeep(work: Work, registerId: string, options: ConnectOptions): Promise<void> {
  const client = await connect(options);
  const begun = await client.call(work, { params: { registerId } });
  const ended = await waitForEnd(client, { begun, work, isQuiet: options.quiet ?? false });
  printOne(shown(ended), options);
  for (const { firstNumber, lastNumber, code, message } of ended.damage) {
    const dockets = firstNumber === lastNumber ? firstNumber : `${firstNumber} to ${lastNumber}`;
    writeNote(`Docket ${dockets} (${code}): ${message}`);
  }
  if (ended.state === "finished" && ended.lastAudit?.isWhole) return;
  const sentence = ended.message ?? "What is stored is not all whole; repair brings it back";
  throw new PeerError("conflict", "damaged", { message: sentence });
}

async function waitForEnd(
  client: Client,
  how: { begun: UpkeepJson; work: Work; isQuiet: boolean },
): Promise<UpkeepJson> {
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  const { registerId } = how.begun;
  const register = await client.call("getRegister", { params: { registerId } });
  const progress = startProgress({
    label: how.work === "audit" ? "Auditing" : "Repairing",
    noun: "transactions",
    total: register.headDocketNumber - register.firstDocketNumber + 1,
    isQuiet: how.isQuiet,
  });
  let status = how.begun;
  try {
    while (status.state === "running") {
      await systemClock.sleep(lookEveryMs, stopping.signal);
      status = await client.call("auditState", { params: { registerId } });
      progress.update(status.docketsDone, status.transactionsDone);
    }
    return status;
  } catch (thrown) {
    if (!isAbort(thrown)) throw thrown;
    throw new Interrupted(`Interrupted: the node goes on; ${how.work} again shows how far it is`);
  } finally {
    progress.end();
    forget();
  }
}

function shown(status: UpkeepJson) {
  const { registerId, lastAudit, damageCount, repairedDockets, lostDockets } = status;
  return {
    registerId,
    isWhole: lastAudit?.isWhole ?? false,
    dockets: lastAudit?.dockets ?? 0,
    transactions: lastAudit?.transactions ?? 0,
    tookMs: lastAudit?.tookMs ?? 0,
    damaged: damageCount,
    repairedDockets,
    lostDockets,
    unjudgedFrom: lastAudit?.unjudgedFrom ?? null,
  };
}
