import { Command, CommanderError } from "commander";
import { messageOf, toPeerError } from "../base/error.ts";
import type { LoadPage } from "../rest/page.ts";
import { environment, writeError } from "../runtime/terminal.ts";
import { version } from "../runtime/version.ts";
import { addAudit } from "./audit.ts";
import { addCerts } from "./certs.ts";
import { addCompletion } from "./completion.ts";
import { addDemo } from "./demo-command.ts";
import { addEvidence, addRegisterWhy } from "./evidence.ts";
import { exitCodeOf, exitCodes, Interrupted } from "./exit.ts";
import { addExport } from "./export.ts";
import { addHealth } from "./health.ts";
import { addImport } from "./import.ts";
import { addKeys } from "./keys.ts";
import { addLedger } from "./ledger.ts";
import { addConfig } from "./node-settings.ts";
import { addOwnRegisters } from "./own-registers.ts";
import { addPeers } from "./peers.ts";
import { writeNote } from "./print.ts";
import { addQueue } from "./queue.ts";
import { addRegisters } from "./registers.ts";
import { addServe } from "./serve.ts";
import { addThreshold } from "./threshold.ts";
import { addToken } from "./token.ts";
import { addTopology } from "./topology.ts";
import { addUpkeep } from "./upkeep.ts";
import { addVerify } from "./verify.ts";

export interface ProgramOptions {
  /** Entry points of the threads; only `main.ts` can say where they are. */
  workerUrls: { verify: URL; embedded: URL };
  /** The dashboard's files; left out: there is none. */
  loadPage?: LoadPage;
}

/** From the words after the program's name to its exit code. Never throws. */
export async function run(argv: string[], options: ProgramOptions): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(options, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (thrown) {
    return tell(thrown);
  }
}

/** Every command of the program. Few know a lower floor than REST; those run without a node. */
export function buildProgram(
  options: ProgramOptions,
  setExitCode: (code: number) => void,
): Command {
  const { verify, embedded } = options.workerUrls;
  const program = new Command("sorcha-peer")
    .description("Replicates append-only registers of hash-chained dockets, whole and verified")
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: writeError, outputError: (text, write) => write(sentence(text)) })
    .showSuggestionAfterError();
  addServe(program, options);
  addDemo(program, setExitCode);
  addHealth(program, setExitCode);
  addRegisters(program);
  addRegisterWhy(program);
  addEvidence(program);
  addOwnRegisters(program);
  addImport(program);
  addExport(program, { verifyThread: verify });
  addVerify(program, { verifyThread: verify });
  addAudit(program);
  addLedger(program);
  addQueue(program);
  addPeers(program);
  addTopology(program);
  addThreshold(program);
  addToken(program);
  addKeys(program);
  addCerts(program);
  addConfig(program);
  addUpkeep(program, { embeddedThread: embedded });
  addCompletion(program);
  return program;
}

/** One sentence on stderr, and what kind of trouble it was as the exit code. */
function tell(thrown: unknown): number {
  if (thrown instanceof CommanderError) {
    return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
  }
  if (thrown instanceof Interrupted) {
    writeError(`${thrown.message}\n`);
    return exitCodes.interrupted;
  }
  const error = toPeerError(thrown);
  const isOurFault = error.kind === "internal" && error.code === "internal";
  const reason = isOurFault ? `: ${messageOf(error.cause ?? error)}` : "";
  writeNote(`${error.message}${reason}`);
  if (isOurFault && environment().PEER_LOG_LEVEL === "debug" && thrown instanceof Error) {
    writeError(`${thrown.stack}\n`);
  }
  return exitCodeOf(error.kind);
}

/** `error: unknown option '--x'` → `Unknown option '--x'`. */
function sentence(text: string): string {
  const bare = text.replace(/^error: /, "");
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}
