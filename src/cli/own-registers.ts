import type { Command } from "commander";
import { PeerError } from "../base/error.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { wholeNumber } from "./paging.ts";
import { printOne } from "./print.ts";

interface PolicyOptions extends ConnectOptions {
  name?: string;
  description?: string;
  private?: boolean;
  public?: boolean;
  reader?: string[];
  validator?: string[];
  threshold?: number;
}

/** Registers that this node seals, alone or with others. */
export function addOwnRegisters(program: Command): void {
  const group = program.command("register").description("Registers that this node seals");
  withPolicy(
    withConnection(
      group.command("create").description("Create one, sealed by this node or with others"),
    ).requiredOption("--name <name>", "what people call it"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  sorcha-peer register create --name deliveries" +
        "\n  sorcha-peer register create --name deliveries --validator b=KEY c=KEY --threshold 2",
    )
    .action(createRegister);
  withPolicy(
    withConnection(
      group
        .command("policy")
        .description("Agree to a new policy: who seals, how many must sign, who may read")
        .argument("<register-id>"),
    ).option("--name <name>", "what people call it"),
  )
    .option("--public", "shown to everybody")
    .addHelpText(
      "after",
      "\nEvery validator's operator gives the same command; what is left out stays.\n" +
        "\nExample:\n  sorcha-peer register policy 5f3c… --validator a=KEY b=KEY d=KEY --threshold 2",
    )
    .action(changePolicy);
}

function withPolicy(command: Command): Command {
  return command
    .option("--description <text>", "what is in it")
    .option("--private", "not shown to everybody")
    .option("--reader <node-id...>", "nodes that may read a private register")
    .option("--validator <id=key...>", "who seals it, as `keys show` says at each of them")
    .option("--threshold <count>", "signatures a docket needs", wholeNumber);
}

async function createRegister(options: PolicyOptions & { name: string }): Promise<void> {
  const client = await connect(options);
  const body = { ...policyOf(options), name: options.name, isPublic: !options.private };
  printOne(await client.call("createRegister", { body }), options);
}

async function changePolicy(registerId: string, options: PolicyOptions): Promise<void> {
  const client = await connect(options);
  const isPublic = options.private ? false : options.public;
  const body = { ...policyOf(options), name: options.name, isPublic };
  printOne(await client.call("changePolicy", { params: { registerId }, body }), options);
}

function policyOf(options: PolicyOptions) {
  const { description, reader: readers, threshold } = options;
  return { description, readers, threshold, validators: options.validator?.map(validatorOf) };
}

function validatorOf(text: string): { validatorId: string; publicKey: string } {
  const at = text.indexOf("=");
  if (at > 0) return { validatorId: text.slice(0, at), publicKey: text.slice(at + 1) };
  throw new PeerError("invalid", "bad-validator", {
    message: `A validator is given as id=key, as keys show tells it; this is ${text.slice(0, 80)}`,
  });
}
