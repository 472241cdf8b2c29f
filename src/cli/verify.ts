import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { isAbort } from "../base/error.ts";
import { onStop } from "../runtime/process.ts";
import { type TruePage, truePages } from "./chain.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { openDocketFile } from "./docket-file.ts";
import { Interrupted } from "./exit.ts";
import { isInclusionFile, verifyInclusionAt } from "./inclusion.ts";
import { printOne } from "./print.ts";
import { type Progress, startProgress } from "./progress.ts";
import { verifiedRegister, withVerifiers } from "./verified-register.ts";

interface VerifyOptions extends ConnectOptions {
  genesisHash?: string;
  acceptUnsealed?: boolean;
}

export function addVerify(program: Command, options: { verifyThread: URL }): void {
  withConnection(
    program
      .command("verify")
      .description("Check a register from genesis to head here, believing nobody")
      .argument(
        "<register-or-file>",
        "a register's id, a file of export --format dockets, or one of tx get --proof",
      ),
  )
    .option("--genesis-hash <hash>", "what the genesis docket's hash has to be")
    .option("--accept-unsealed", "for a file: take a chain that bears no seals")
    .addHelpText(
      "after",
      "\nEnds with 0 only if every docket and every signature is true." +
        "\n\nExample:\n  sorcha-peer verify dockets.ndjson --genesis-hash 9b1d…",
    )
    .action((what: string, given: VerifyOptions) =>
      withVerifiers(options.verifyThread, () => verify(what, given)),
    );
}

async function verify(what: string, options: VerifyOptions): Promise<void> {
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  try {
    const result = existsSync(what)
      ? await verifyFile(what, options)
      : await verifyHeld(what, { ...options, signal: stopping.signal });
    printOne(result, options);
  } catch (thrown) {
    if (stopping.signal.aborted || isAbort(thrown)) {
      throw new Interrupted("Interrupted: what was not looked at may be true or not");
    }
    throw thrown;
  } finally {
    forget();
  }
}

async function verifyHeld(registerId: string, options: VerifyOptions & { signal: AbortSignal }) {
  const client = await connect(options);
  const register = await client.call("getRegister", { params: { registerId } });
  const progress = startProgress({
    label: "Verifying",
    noun: "transactions",
    total: register.headDocketNumber - register.firstDocketNumber + 1,
    isQuiet: options.quiet ?? false,
  });
  const pages = verifiedRegister(client, {
    register,
    signal: options.signal,
    ...(options.genesisHash === undefined ? {} : { genesisHash: options.genesisHash }),
  });
  const result = await summed(pages, { registerId, progress });
  return { ...result, genesisHash: register.genesisHash };
}

async function verifyFile(path: string, options: VerifyOptions) {
  if (await isInclusionFile(path)) {
    return { isValid: true, ...(await verifyInclusionAt(path, options)) };
  }
  const file = await openDocketFile(path);
  const { size } = await stat(path);
  const progress = startProgress({
    label: "Verifying",
    noun: "transactions",
    total: size,
    isQuiet: options.quiet ?? false,
  });
  const pages = truePages(file.pages(), {
    registerId: file.registerId,
    acceptUnsealed: options.acceptUnsealed ?? false,
    ...(options.genesisHash === undefined ? {} : { genesisHash: options.genesisHash }),
  });
  return summed(pages, { registerId: file.registerId, progress, done: file.bytesRead });
}

/** What a chain turned out to be once all of it was found true. */
async function summed(
  pages: AsyncIterable<TruePage>,
  options: { registerId: string; progress: Progress; done?: () => number },
) {
  let dockets = 0;
  let sealed = 0;
  let transactions = 0;
  let genesisHash: string | null = null;
  let last: { number: number; hash: string } | null = null;
  try {
    for await (const { page } of pages) {
      dockets += page.dockets.length;
      sealed += page.dockets.filter((docket) => docket.isSealed).length;
      transactions += page.transactions.count;
      const [first] = page.dockets;
      if (first?.number === 0) genesisHash = first.hash;
      last = page.dockets.at(-1) ?? last;
      options.progress.update(options.done?.() ?? dockets, transactions);
    }
  } finally {
    options.progress.end();
  }
  return {
    registerId: options.registerId,
    isValid: true,
    verification: sealed === dockets ? "sealed" : "chain",
    dockets,
    sealedDockets: sealed,
    transactions,
    genesisHash,
    headNumber: last?.number ?? null,
    headHash: last?.hash ?? null,
  };
}
