import { join } from "node:path";
import type { Command } from "commander";
import { base64urlOf } from "../base/bytes.ts";
import { PeerError } from "../base/error.ts";
import { type Identity, loadIdentity, nodeKeyFile, readIdentity } from "../peers/identity.ts";
import { openDataDir } from "../runtime/data-dir.ts";
import { nodeIdOfKey } from "../trust/node-key.ts";
import { outputOption, settings } from "./connect.ts";
import { type OutputFormat, printOne } from "./print.ts";

interface KeysOptions {
  dataDir?: string;
  nodeId?: string;
  output: OutputFormat;
}

export function addKeys(program: Command): void {
  const group = program.command("keys").description("The node's own key, which names it and signs");
  group
    .command("init")
    .description("Make the key before the first start, so that certificates can be issued for it")
    .option("--data-dir <dir>", "the node's data directory")
    .option("--node-id <id>", "the node's name; default: derived from the key")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  sorcha-peer keys init --data-dir ./.data")
    .action(makeKey);
  group
    .command("show")
    .description("The node's name and public key; the secret half is never shown")
    .option("--data-dir <dir>", "the node's data directory")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  sorcha-peer keys show --output json")
    .action(showKey);
}

async function makeKey(options: KeysOptions): Promise<void> {
  const config = settings(options);
  const dataDir = await openDataDir(config.dataDir);
  try {
    const known = await dataDir.readSecret(nodeKeyFile);
    if (known !== null) {
      throw new PeerError("conflict", "already-there", {
        message: `There is a key in ${config.dataDir} already; a node keeps its key`,
      });
    }
    print(await loadIdentity(dataDir, options.nodeId ?? config.nodeId), options);
  } finally {
    dataDir.release();
  }
}

/** Reads without the directory's lock, so beside a running node as well. */
async function showKey(options: KeysOptions): Promise<void> {
  const config = settings(options);
  const identity = await readIdentity(join(config.dataDir, nodeKeyFile));
  if (identity !== null) return print(identity, options);
  throw new PeerError("configuration", "no-node-key", {
    message: `The data directory ${config.dataDir} holds no key: see sorcha-peer keys init`,
  });
}

function print(identity: Identity, options: { output: OutputFormat }): void {
  const { nodeId, publicKey } = identity;
  const isNameOfKey = nodeIdOfKey(publicKey) === nodeId;
  const key = base64urlOf(publicKey);
  const validator = `${nodeId}=${key}`;
  printOne({ nodeId, algorithm: "ED25519", publicKey: key, isNameOfKey, validator }, options);
}
