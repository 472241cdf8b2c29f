import { type Command, Option } from "commander";
import { present } from "../base/assert.ts";
import { textOf, utf8 } from "../base/bytes.ts";
import { isAbort, PeerError } from "../base/error.ts";
import { memberText } from "../base/json-scan.ts";
import { orAbort } from "../base/signal.ts";
import { readBundle } from "../dockets/bundle.ts";
import { decodeTransaction } from "../dockets/decode.ts";
import type { DocketBundle } from "../dockets/types.ts";
import { systemClock } from "../runtime/clock.ts";
import { onStop } from "../runtime/process.ts";
import { isOutputShown, writeOutput } from "../runtime/terminal.ts";
import type { TruePage } from "./chain.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { Interrupted } from "./exit.ts";
import { grouped, writeNote } from "./print.ts";
import { startProgress } from "./progress.ts";
import { verifiedRegister, withVerifiers } from "./verified-register.ts";

const stuckMs = 1_000;

interface ExportOptions extends ConnectOptions {
  format: "records" | "dockets";
  genesisHash?: string;
}

export function addExport(program: Command, options: { verifyThread: URL }): void {
  withConnection(
    program
      .command("export")
      .description("Write a register's records to stdout, one a line, verified on the way")
      .argument("<register-id>"),
  )
    .addOption(
      new Option("--format <format>", "records as they were submitted, or sealed dockets")
        .choices(["records", "dockets"])
        .default("records"),
    )
    .option("--genesis-hash <hash>", "what the genesis docket's hash has to be")
    .addHelpText(
      "after",
      "\nOnly what was found true is written. Dockets can be checked anywhere by verify FILE." +
        "\n\nExample:\n  sorcha-peer export 5f3c… --data-dir ./.data > records.ndjson",
    )
    .action((registerId: string, given: ExportOptions) =>
      withVerifiers(options.verifyThread, () => exportRegister(registerId, given)),
    );
}

async function exportRegister(registerId: string, options: ExportOptions): Promise<void> {
  const client = await connect(options);
  const register = await client.call("getRegister", { params: { registerId } });
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  const dockets = register.headDocketNumber - register.firstDocketNumber + 1;
  const progress = startProgress({
    label: "Exporting",
    noun: options.format,
    total: dockets,
    isQuiet: options.quiet || isOutputShown(),
  });
  let docketCount = 0;
  let written = 0;
  try {
    const pages = verifiedRegister(client, {
      register,
      signal: stopping.signal,
      ...(options.genesisHash === undefined ? {} : { genesisHash: options.genesisHash }),
    });
    for await (const page of pages) {
      const lines = options.format === "records" ? recordsIn(page) : docketsIn(page);
      if (lines.length > 0) await writeUnlessStuck(lines, { written, signal: stopping.signal });
      written += lines.length;
      docketCount += page.page.dockets.length;
      progress.update(docketCount, written);
      stopping.signal.throwIfAborted();
    }
  } catch (thrown) {
    if (!stopping.signal.aborted && !isAbort(thrown)) throw thrown;
    throw new Interrupted(
      `Interrupted: the ${grouped(written)} ${options.format} written so far are verified, but not all; run this again for the whole`,
    );
  } finally {
    progress.end();
    forget();
  }
  if (!options.quiet) writeNote(`${grouped(written)} ${options.format}, all verified`);
}

/** After Ctrl-C a reader that stands still has a moment to take whole lines; then it is left. */
async function writeUnlessStuck(
  lines: readonly string[],
  { written, signal }: { written: number; signal: AbortSignal },
): Promise<void> {
  const writing = writeLines(lines, written);
  try {
    await orAbort(writing, signal);
  } catch (thrown) {
    if (!isAbort(thrown)) throw thrown;
    const giveUp = systemClock.sleep(stuckMs).then(() => Promise.reject(thrown));
    await Promise.race([writing, giveUp]);
  }
}

async function writeLines(lines: readonly string[], written: number): Promise<void> {
  try {
    await writeOutput(utf8(`${lines.join("\n")}\n`));
  } catch (cause) {
    throw new PeerError("internal", "output-closed", {
      message: `Whoever read the output went away after about ${grouped(written)} lines`,
      cause,
    });
  }
}

function recordsIn({ page }: TruePage): string[] {
  return bundlesIn(page).flatMap((bundle) => {
    const texts = bundle.transactionData.map((data) => recordIn(data));
    return texts.filter((text) => text !== null);
  });
}

/** The submitted text; a foreign payload without `data` as it is; null for a register's own. */
function recordIn(data: Uint8Array): string | null {
  const decoded = decodeTransaction(data);
  const { payloadJson } = present(decoded.ok ? decoded.value : null, "a verified transaction");
  if (memberText(payloadJson, "type")?.trim() === '"Control"') return null;
  // A bare line break can only stand between tokens, where it means as much as a space.
  return (memberText(payloadJson, "data") ?? payloadJson).replaceAll("\n", " ");
}

function docketsIn({ page }: TruePage): string[] {
  return bundlesIn(page).map((bundle) =>
    JSON.stringify({
      docket: documentText(bundle.docketData),
      transactions: bundle.transactionData.map(documentText),
    }),
  );
}

function bundlesIn(page: TruePage["page"]): DocketBundle[] {
  return page.dockets.map(({ offset, length }) =>
    present(readBundle(page.bytes.subarray(offset, offset + length)), "a verified bundle"),
  );
}

function documentText(bytes: Uint8Array): string {
  return present(textOf(bytes), "a verified document's text");
}
