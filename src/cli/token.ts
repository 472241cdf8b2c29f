import { type Command, InvalidArgumentError } from "commander";
import { PeerError } from "../base/error.ts";
import { findSigningKey } from "../trust/signing-key.ts";
import {
  type ConnectOptions,
  connect,
  gateOf,
  noNodeIn,
  settings,
  withConnection,
} from "./connect.ts";
import { printOne, writeLine, writeNote } from "./print.ts";

interface TokenOptions extends ConnectOptions {
  service?: boolean;
  peer?: string;
  subject: string;
  orgId?: string;
  role?: string[];
  minutes?: number;
  revoke?: string;
}

const userMinutes = 60;
const serviceMinutes = 8 * 60;

export function addToken(program: Command): void {
  withConnection(program.command("token"))
    .description("Mint a bearer token with a local node's key, or revoke one at a running node")
    .option("--service", "a service's token: may create registers and submit records")
    .option("--peer <node-id>", "a peer's token, for that node to show where peerAuth is token")
    .option("--subject <name>", "whom it stands for", "operator")
    .option("--org-id <id>", "the organisation it belongs to")
    .option("--role <role...>", "roles: Administrator lets a user manage peers")
    .option("--minutes <count>", "how long it lives; default 60, for a service 480", readMinutes)
    .option("--revoke <token>", "make a token, or the one with this jti, count no longer")
    .addHelpText(
      "after",
      "\nA minted token is the last line on stdout.\n\nExamples:" +
        "\n  sorcha-peer token --data-dir ./.data --service" +
        "\n  sorcha-peer token --data-dir ./.data --revoke eyJhbGciOi…",
    )
    .action((options: TokenOptions) =>
      options.revoke === undefined ? mintToken(options) : revokeToken(options.revoke, options),
    );
}

async function mintToken(options: TokenOptions): Promise<void> {
  const config = settings(options);
  const key = await findSigningKey(config);
  if (key === null) throw noNodeIn(config.dataDir);
  const isPeer = options.peer !== undefined;
  const isService = isPeer || (options.service ?? false);
  const subject = options.peer ?? options.subject;
  const minutes = options.minutes ?? (isService ? serviceMinutes : userMinutes);
  const token = await gateOf(config, key).mint({
    subject,
    isService,
    isPeer,
    ...(options.orgId === undefined ? {} : { orgId: options.orgId }),
    ...(options.role === undefined ? {} : { roles: options.role }),
    lifetimeMs: minutes * 60_000,
  });
  if (!options.quiet) {
    writeNote(`A ${isService ? "service" : "user"} token for ${subject}, ${minutes} minutes`);
  }
  writeLine(token);
}

/** Three parts between dots are a token; everything else is taken for the id of one. */
async function revokeToken(text: string, options: TokenOptions): Promise<void> {
  if (text === "") {
    throw new PeerError("invalid", "which-token", { message: "Say which token is to be revoked" });
  }
  const client = await connect(options);
  const body = text.split(".").length === 3 ? { token: text } : { tokenId: text };
  printOne(await client.call("revokeToken", { body }), options);
}

function readMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 525_600) return minutes;
  throw new InvalidArgumentError("It must be a whole number from 1 to 525600.");
}
