import { type Command, Option } from "commander";
import { utf8 } from "../base/bytes.ts";
import { messageOf, PeerError, toPeerError } from "../base/error.ts";
import { childOf, orAbort } from "../base/signal.ts";
import { onStop } from "../runtime/process.ts";
import type { Client } from "./client.ts";
import { type ConnectOptions, connect, withConnection } from "./connect.ts";
import { Interrupted } from "./exit.ts";
import {
  type Batch,
  batchesOf,
  type ImportInput,
  type InputFormat,
  openInput,
  readRecords,
} from "./import-input.ts";
import { grouped, printOne, writeNote } from "./print.ts";
import { type Progress, startProgress } from "./progress.ts";

interface ImportOptions extends ConnectOptions {
  name?: string;
  register?: string;
  format?: InputFormat;
  importId?: string;
  description?: string;
  private?: boolean;
}

export function addImport(program: Command): void {
  withConnection(
    program
      .command("import")
      .description("Make records of a file or standard input into sealed transactions, in order")
      .argument("<file>", "NDJSON or CSV with a header line; - reads standard input"),
  )
    .option("--name <name>", "the register of this node by that name; made if there is none")
    .option("--register <id>", "the register with this id")
    .addOption(
      new Option("--format <format>", "default: by the file's ending").choices(["ndjson", "csv"]),
    )
    .option("--import-id <id>", "what an interrupted import is taken up by; default: the content")
    .option("--description <text>", "for a register that is made")
    .option("--private", "a register that is made is not shown to everybody")
    .addHelpText(
      "after",
      "\nA record's text is kept byte for byte. Running an import again never doubles a record." +
        "\n\nExample:\n  sorcha-peer import packages.ndjson --name packages --data-dir ./.data",
    )
    .action(importFile);
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  if ((options.name === undefined) === (options.register === undefined)) {
    throw new PeerError("invalid", "which-register", {
      message: "Say either --name or --register, so that it is clear where the records go",
    });
  }
  const client = await connect(options);
  const input = await openInput(file, options);
  const stopping = new AbortController();
  const forget = onStop(() => stopping.abort());
  try {
    const run = new ImportRun(client, { ...options, input, signal: stopping.signal });
    const done = await run.toEnd();
    const register = await client.call("getRegister", { params: { registerId: done.registerId } });
    const result = {
      registerId: register.registerId,
      genesisHash: register.genesisHash,
      dockets: register.height,
      transactions: register.latestVersion,
      records: done.records,
      accepted: done.accepted,
      alreadyPresent: done.alreadyPresent,
      importId: input.importId,
    };
    printOne(result, options);
  } finally {
    forget();
  }
}

type RunOptions = ImportOptions & { input: ImportInput; signal: AbortSignal };

/** One import on its way: what was read, what the node has sealed. */
class ImportRun {
  #registerId: string | null = null;
  #accepted = 0;
  #alreadyPresent = 0;
  #skipped = 0;
  #bytesRead = 0;
  #progress: Progress = { update: () => undefined, end: () => undefined };

  constructor(
    private readonly client: Client,
    private readonly options: RunOptions,
  ) {}

  get #sealed(): number {
    return this.#accepted + this.#alreadyPresent;
  }

  async toEnd() {
    const { input, quiet } = this.options;
    this.#progress = startProgress({
      label: "Importing",
      noun: "records",
      total: input.bytes,
      isQuiet: quiet ?? false,
    });
    try {
      await this.#sendAll();
    } catch (thrown) {
      this.#progress.end();
      throw this.#explained(thrown);
    }
    this.#progress.end();
    if (this.#registerId === null) throw nothingIn(input.name);
    if (this.#skipped > 0 && !quiet) {
      writeNote(`${grouped(this.#skipped)} empty lines were left out`);
    }
    return {
      registerId: this.#registerId,
      records: this.#sealed,
      accepted: this.#accepted,
      alreadyPresent: this.#alreadyPresent,
    };
  }

  /** One request at a time, since their order is the register's; the next is read meanwhile. */
  async #sendAll(): Promise<void> {
    const { input, signal } = this.options;
    const reading = childOf(signal);
    const records = readRecords(input, {
      bytes: this.#counted(input.open(reading.signal)),
      skipped: () => {
        this.#skipped += 1;
      },
    });
    let sending: Promise<void> = Promise.resolve();
    try {
      for await (const batch of batchesOf(records)) {
        await sending;
        signal.throwIfAborted();
        this.#registerId ??= await this.#findRegister();
        sending = this.#send(this.#registerId, batch);
        sending.catch(() => undefined);
      }
    } finally {
      // Input that nobody reads to its end would keep the process waiting for more of it.
      reading.abort();
      reading.dispose();
      await sending;
    }
  }

  async #send(registerId: string, batch: Batch): Promise<void> {
    const bytesRead = this.#bytesRead;
    try {
      const answer = await this.client.call("importRecords", {
        params: { registerId },
        query: { importId: this.options.input.importId, firstLine: batch.first },
        rawBody: utf8(`${batch.records.map((record) => record.text).join("\n")}\n`),
      });
      this.#accepted += answer.accepted;
      this.#alreadyPresent += answer.alreadyPresent;
      this.#progress.update(bytesRead, this.#sealed);
    } catch (thrown) {
      throw withInputLine(toPeerError(thrown), batch);
    }
  }

  /** Input as it comes, until somebody asks for the end. */
  async *#counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const iterator = bytes[Symbol.asyncIterator]();
    for (;;) {
      const next = await orAbort(iterator.next(), this.options.signal);
      if (next.done) return;
      this.#bytesRead += next.value.byteLength;
      yield next.value;
    }
  }

  async #findRegister(): Promise<string> {
    const { name, register, description } = this.options;
    if (register !== undefined) {
      const found = await this.client.call("getRegister", { params: { registerId: register } });
      return found.registerId;
    }
    const query = { name, origin: true };
    const [first, second] = await this.client.call("listRegisters", { query });
    if (second !== undefined) {
      throw new PeerError("conflict", "ambiguous-name", {
        message: `Several registers of this node are named ${name}: say which by --register`,
      });
    }
    if (first !== undefined) return first.registerId;
    const made = await this.client.call("createRegister", {
      body: { name, description, isPublic: !this.options.private },
    });
    return made.registerId;
  }

  /** What went wrong, what is safe, and how to go on. */
  #explained(thrown: unknown): Error {
    if (this.options.signal.aborted) {
      return new Interrupted(`Interrupted: ${this.#howToGoOn({ mustMend: false })}`);
    }
    const error = toPeerError(thrown);
    const mustMend = ["invalid", "too-large", "unprocessable"].includes(error.kind);
    const text = error.kind === "internal" ? messageOf(error.cause ?? error) : error.message;
    return new PeerError(error.kind, error.code, {
      message: `${text}; ${this.#howToGoOn({ mustMend })}`,
      facts: error.facts,
      cause: error,
    });
  }

  #howToGoOn({ mustMend }: { mustMend: boolean }): string {
    const { input } = this.options;
    if (this.#sealed === 0) return "nothing was imported";
    const count =
      this.#sealed === 1 ? "the first record is" : `${grouped(this.#sealed)} records are`;
    // A file's id follows from its content, which mending changes.
    const flag = mustMend || !input.isIdDerived ? ` with --import-id ${input.importId}` : "";
    const how = mustMend ? "mend the input and run this" : "run this";
    return `${count} sealed; to go on, ${how} again${flag}: nothing will be doubled`;
  }
}

/** The node counts records within the import; people count lines of their file. */
function withInputLine(error: PeerError, batch: Batch): PeerError {
  const line = error.facts.line;
  const record = typeof line === "number" ? batch.records[line - batch.first] : undefined;
  if (record === undefined || record.line === line) return error;
  return new PeerError(error.kind, error.code, {
    message: `Line ${record.line} of the input was refused: ${error.message}`,
    facts: { ...error.facts, line: record.line },
    cause: error,
  });
}

function nothingIn(name: string): PeerError {
  return new PeerError("invalid", "nothing-to-import", {
    message: `There are no records in ${name}: nothing was imported`,
  });
}
