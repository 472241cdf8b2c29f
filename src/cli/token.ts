import { type Command, InvalidArgumentError } from "commander";
import { findSigningKey } from "../trust/signing-key.ts";
import { gateOf, noNodeIn, settings } from "./connect.ts";
import { writeLine, writeNote } from "./print.ts";

interface TokenOptions {
  dataDir?: string;
  service?: boolean;
  subject: string;
  orgId?: string;
  role?: string[];
  minutes?: number;
  quiet?: boolean;
}

const userMinutes = 60;
const serviceMinutes = 8 * 60;

export function addToken(program: Command): void {
  program
    .command("token")
    .description("Mint a bearer token with a local node's key; it is the last line on stdout")
    .option("--data-dir <dir>", "the node's data directory")
    .option("--service", "a service's token: may create registers and submit records")
    .option("--subject <name>", "whom it stands for", "operator")
    .option("--org-id <id>", "the organisation it belongs to")
    .option("--role <role...>", "roles: Administrator lets a user manage peers")
    .option("--minutes <count>", "how long it lives; default 60, for a service 480", readMinutes)
    .option("-q, --quiet", "no remarks")
    .addHelpText("after", "\nExample:\n  sorcha-peer token --data-dir ./.data --service")
    .action(mintToken);
}

async function mintToken(options: TokenOptions): Promise<void> {
  const config = settings(options);
  const key = await findSigningKey(config);
  if (key === null) throw noNodeIn(config.dataDir);
  const isService = options.service ?? false;
  const minutes = options.minutes ?? (isService ? serviceMinutes : userMinutes);
  const token = await gateOf(config, key).mint({
    subject: options.subject,
    isService,
    ...(options.orgId === undefined ? {} : { orgId: options.orgId }),
    ...(options.role === undefined ? {} : { roles: options.role }),
    lifetimeMs: minutes * 60_000,
  });
  if (!options.quiet) {
    writeNote(
      `A ${isService ? "service" : "user"} token for ${options.subject}, ${minutes} minutes`,
    );
  }
  writeLine(token);
}

function readMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 525_600) return minutes;
  throw new InvalidArgumentError("It must be a whole number from 1 to 525600.");
}
